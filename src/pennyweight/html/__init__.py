"""Self-contained HTML: charts, tables, one style; no script, no network."""
