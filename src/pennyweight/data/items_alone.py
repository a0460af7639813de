"""An item catalog that is read without an event log."""

from pathlib import Path

from pennyweight.config.plan import DataPlan
from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import resolve
from pennyweight.data.items import build_catalog
from pennyweight.data.tables import read_table

__all__ = ["read_items"]


def read_items(items: Path, plan: DataPlan) -> Catalog:
    """Read and clean the items as a plan says; `DataError` where that cannot be done."""
    frame, _ = read_table(items, table="items", strict=plan.strict)
    findings, overrides = Findings(), dict(plan.columns)
    catalog = build_catalog(
        frame,
        resolve(frame.columns, "items", overrides, source=str(items))["id"],
        text_columns=plan.text_columns,
        findings=findings,
        source=str(items),
        available=overrides.get("available"),
        missing=plan.missing_ids,
    )
    if plan.mask_personal:
        from pennyweight.data.personal import mask_catalog  # its patterns take 50 ms to compile

        catalog = mask_catalog(catalog, findings)
    return catalog
