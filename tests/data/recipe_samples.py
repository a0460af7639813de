"""Made-up samples in the layouts of well-known datasets and exports: the same twelve events."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# User, item and second of each event; no user has an item twice.
EVENTS = [(k % 4, k % 6, 1_577_836_800 + 90_000 * k) for k in range(12)]
TITLES = ["Red Kettle", "Blue Lamp", "Oak Chair", "Pine Shelf", "Steel Bowl", "Wool Rug"]
ITEMS = list(enumerate(TITLES))
CLOSED = {1, 4}  # items that are not available where a sample says so
ASINS = [f"B00000000{i}" for i, _ in ITEMS]
USERS = [f"A00000000{u}X" for u in range(4)]
UUIDS = [f"0a1b2c3d-0000-4000-8000-00000000000{i}" for i, _ in ITEMS]
Row = dict[str, Any]


def iso(seconds: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    data = text.encode(encoding)
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def lines(rows: Sequence[Sequence[object]], separator: str) -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def table(names: str, rows: Sequence[Sequence[object]], separator: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([names.split(), *rows])
    return text.getvalue()


def json_lines(rows: Sequence[Row], spell: Callable[[Row], str] = json.dumps) -> str:
    return "".join(spell(row) + "\n" for row in rows)


def own_items(folder: Path) -> None:
    put(folder, "items.csv", table("item_id title", ITEMS))


def per_user(make: Callable[[int, list[tuple[int, int]]], Row]) -> list[Row]:
    return [make(u, [(i, t) for v, i, t in EVENTS if v == u]) for u in range(4)]


def movielens_100k(folder: Path) -> None:
    rows = [
        (
            i,
            f"Café {title} (1995)",
            "01-Jan-1995",
            "",
            "http://x.example/a",
            *(int(g in (1, 5)) for g in range(19)),
        )
        for i, title in ITEMS
    ]
    put(folder, "u.item", lines(rows, "|"), "latin-1")
    put(folder, "u.data", lines([(u, i, 5, t) for u, i, t in EVENTS], "\t"))


def movielens_1m(folder: Path) -> None:
    rows = [(i, f"Café {title} (1995)", "Drama|Film-Noir") for i, title in ITEMS]
    put(folder, "movies.dat", lines(rows, "::"), "latin-1")
    put(folder, "ratings.dat", lines([(u, i, 4, t) for u, i, t in EVENTS], "::"))


def movielens_25m(folder: Path) -> None:
    rows = [(i, f"{title}, The (1995)", "Drama|War") for i, title in ITEMS]
    put(folder, "movies.csv", table("movieId title genres", rows))
    put(
        folder,
        "ratings.csv",
        table("userId movieId rating timestamp", [(u, i, 4.5, t) for u, i, t in EVENTS]),
    )


def amazon_reviews(**more: object) -> list[Row]:
    return [
        {
            "reviewerID": USERS[u],
            "asin": ASINS[i],
            "overall": 5.0,
            "reviewText": "Good.",
            "summary": "Five",
            "unixReviewTime": t,
            "reviewTime": iso(t, "%m %d, %Y"),
            **more,
        }
        for u, i, t in EVENTS
    ]


def amazon_2014(folder: Path) -> None:
    meta = [
        {
            "asin": ASINS[i],
            "title": f"{t}'s",
            "imUrl": "http://x.example/a.jpg",
            "categories": [["Home", "Kitchen & Dining"]],
            "salesRank": {"Home": 9},
            "related": {"also_viewed": ["B000000099"]},
        }
        for i, t in ITEMS
    ]
    put(folder, "meta_Beauty.json.gz", json_lines(meta, repr))
    put(folder, "reviews_Beauty_5.json.gz", json_lines(amazon_reviews(helpful=[0, 1])))


def amazon_2018(folder: Path) -> None:
    meta = [
        {
            "asin": ASINS[i],
            "title": t,
            "brand": "Acorn",
            "category": ["Software", "Games"],
            "description": ["Well made."],
            "details": {},
            "price": "$9.99",
        }
        for i, t in ITEMS
    ]
    put(folder, "meta_Software.json.gz", json_lines(meta))
    reviews = amazon_reviews(verified=True, vote="3", style={"Format:": " DVD"})
    put(folder, "Software_5.json.gz", json_lines(reviews))


def amazon_2023(folder: Path) -> None:
    meta = [
        {
            "main_category": "All Beauty",
            "title": t,
            "average_rating": 4.8,
            "features": [],
            "description": ["Nice."],
            "price": None,
            "images": [{"thumb": "http://x.example"}],
            "details": {"Brand": "Acorn"},
            "parent_asin": ASINS[i],
        }
        for i, t in ITEMS
    ]
    put(folder, "meta_All_Beauty.jsonl.gz", json_lines(meta))
    rows = [
        {
            "rating": 5.0,
            "title": "Five",
            "text": "Good.",
            "images": [],
            "asin": ASINS[i],
            "parent_asin": ASINS[i],
            "user_id": USERS[u],
            "timestamp": t * 1000,
            "helpful_vote": 0,
            "verified_purchase": True,
        }
        for u, i, t in EVENTS
    ]
    put(folder, "All_Beauty.jsonl.gz", json_lines(rows))


def mind(folder: Path) -> None:
    news = [
        (
            f"N{i}",
            "sports",
            "golf",
            f'"{t}',
            "Well.",
            "https://x.example/a.html",
            '[{"Label": "PGA", "Type": "O"}]',
            "[]",
        )
        for i, t in ITEMS
    ]
    put(folder, "news.tsv", lines(news, "\t"))
    rows = [
        (k, f"U{u}", iso(t, "%m/%d/%Y %I:%M:%S %p").lstrip("0"), "", f"N{i}-1 N{i ^ 1}-0")
        for k, (u, i, t) in enumerate(EVENTS)
    ]
    put(folder, "behaviors.tsv", lines(rows, "\t"))


def taobao(folder: Path) -> None:
    put(folder, "UserBehavior.csv", lines([(u, i, 7, "pv", t) for u, i, t in EVENTS], ","))


def retailrocket(folder: Path) -> None:
    names = "timestamp itemid property value"
    rows = [
        (1_430_000_000_000, i, p, v)
        for i, t in ITEMS
        for p, v in (("categoryid", 7), ("title", t), ("available", 1))
    ]
    put(folder, "item_properties_part1.csv", table(names, rows[:9]))
    put(folder, "item_properties_part2.csv", table(names, rows[9:]))
    events = [(t * 1000, u, "view", i, "") for u, i, t in EVENTS]
    put(folder, "events.csv", table("timestamp visitorid event itemid transactionid", events))


def steam_games(folder: Path) -> None:
    games = [
        {
            "publisher": "O'Neill",
            "genres": ["Indie"],
            "app_name": t,
            "title": t,
            "url": "http://x.example",
            "price": 4.99,
            "early_access": False,
            "id": str(i),
        }
        for i, t in ITEMS
    ]
    put(folder, "steam_games.json.gz", json_lines(games, repr))


def steam_playtimes(folder: Path) -> None:
    steam_games(folder)
    rows = per_user(
        lambda u, own: {
            "user_id": f"u{u}",
            "items_count": len(own),
            "steam_id": "7656",
            "user_url": "http://x.e",
            "items": [
                {
                    "item_id": str(i),
                    "item_name": TITLES[i],
                    "playtime_forever": 6 + i,
                    "playtime_2weeks": 0,
                }
                for i, _ in own
            ],
        }
    )
    put(folder, "australian_users_items.json.gz", json_lines(rows, repr))


def steam_reviews(folder: Path) -> None:
    steam_games(folder)
    rows = [
        {
            "username": f"u'{u}",
            "hours": 4.5,
            "products": 9,
            "product_id": str(i),
            "page_order": 0,
            "date": iso(t)[:10],
            "text": 'So "good"',
        }
        for u, i, t in EVENTS
    ]
    put(folder, "steam_reviews.json.gz", json_lines(rows, repr))


def yelp(folder: Path) -> None:
    places = [
        {
            "business_id": f"b{i}",
            "name": t,
            "city": "Tampa",
            "stars": 4.5,
            "is_open": int(i not in CLOSED),
            "attributes": {"WiFi": "u'free'"},
            "categories": "Food, Bars",
            "hours": None,
        }
        for i, t in ITEMS
    ]
    put(folder, "yelp_academic_dataset_business.json", json_lines(places))
    rows = [
        {
            "review_id": f"r{t}",
            "user_id": f"u{u}",
            "business_id": f"b{i}",
            "stars": 5.0,
            "useful": 0,
            "funny": 0,
            "cool": 0,
            "text": "Nice.",
            "date": iso(t, "%F %T"),
        }
        for u, i, t in EVENTS
    ]
    put(folder, "yelp_academic_dataset_review.json", json_lines(rows))


def goodreads(folder: Path) -> None:
    books = [
        {
            "isbn": "",
            "book_id": str(i),
            "title": t,
            "authors": [{"author_id": "1"}],
            "popular_shelves": [{"count": "3", "name": "to-read"}],
            "language_code": "eng",
        }
        for i, t in ITEMS
    ]
    put(folder, "goodreads_books.json.gz", json_lines(books))
    form = "%a %b %d %H:%M:%S -0000 %Y"
    rows = [
        {
            "user_id": f"u{u}",
            "book_id": str(i),
            "review_id": f"r{t}",
            "is_read": True,
            "rating": 5,
            "date_added": iso(t, form),
            "date_updated": iso(t, form),
            "read_at": "",
        }
        for u, i, t in EVENTS
    ]
    put(folder, "goodreads_interactions_dedup.json.gz", json_lines(rows))


def lastfm_1k(folder: Path) -> None:
    rows = [
        (f"user_{u:06}", iso(t), UUIDS[i], f'{TITLES[i]} "live', "", "Song") for u, i, t in EVENTS
    ]
    put(folder, "userid-timestamp-artid-artname-traid-traname.tsv", lines(rows, "\t"))


def lastfm_360k(folder: Path) -> None:
    rows = [(f"{u:040x}", UUIDS[i], TITLES[i], 30 + i) for u, i, _ in EVENTS]
    put(folder, "usersha1-artmbid-artname-plays.tsv", lines(rows, "\t"))


def hetrec(folder: Path) -> None:
    rows = [(i, t, "http://x.example", "http://x.example/a.jpg") for i, t in ITEMS]
    put(folder, "artists.dat", table("id name url pictureURL", rows, "\t"))
    events = [(u, i, 30 + i) for u, i, _ in EVENTS]
    put(folder, "user_artists.dat", table("userID artistID weight", events, "\t"))


def h_and_m(folder: Path) -> None:
    rows = [(f"010877{i}", f"{i}", t, "Trousers", "Well made.") for i, t in ITEMS]
    names = "article_id product_code prod_name product_type_name detail_desc"
    put(folder, "articles.csv", table(names, rows))
    events = [(iso(t)[:10], f"{u:064x}", f"010877{i}", 0.05, 2) for u, i, t in EVENTS]
    names = "t_dat customer_id article_id price sales_channel_id"
    put(folder, "transactions_train.csv", table(names, events))


def instacart(folder: Path) -> None:
    put(
        folder,
        "products.csv",
        table("product_id product_name aisle_id department_id", [(i, t, 1, 2) for i, t in ITEMS]),
    )
    orders = [(k, u, "prior", k + 1, 3, 8, "") for k, (u, _, _) in enumerate(EVENTS)]
    names = "order_id user_id eval_set order_number order_dow order_hour_of_day"
    put(folder, "orders.csv", table(f"{names} days_since_prior_order", orders))
    names = "order_id product_id add_to_cart_order reordered"
    lines_of = [(k, i, 1, k % 2) for k, (_, i, _) in enumerate(EVENTS)]
    put(folder, "order_products__prior.csv", table(names, lines_of))


def dunnhumby(folder: Path) -> None:
    names = "PRODUCT_ID MANUFACTURER DEPARTMENT BRAND COMMODITY_DESC SUB_COMMODITY_DESC"
    rows = [(i, 2, "GROCERY", "National", t.upper(), "FRUIT") for i, t in ITEMS]
    put(folder, "product.csv", table(names, rows))
    names = "household_key BASKET_ID DAY PRODUCT_ID QUANTITY SALES_VALUE STORE_ID TRANS_TIME"
    events = [(u, k, k + 1, i, 1, 1.5, 3, 1631) for k, (u, i, _) in enumerate(EVENTS)]
    put(folder, "transaction_data.csv", table(names, events))


def online_retail(folder: Path) -> None:
    rows = [
        [
            "Invoice",
            "StockCode",
            "Description",
            "Quantity",
            "InvoiceDate",
            "Price",
            "Customer ID",
            "Country",
        ]
    ]
    rows += [
        [
            f"48{k}",
            f"8512{i}A",
            TITLES[i].upper(),
            "2",
            iso(t, "%F %T"),
            "2.5",
            f"1308{u}.0",
            "France",
        ]
        for k, (u, i, t) in enumerate(EVENTS)
    ]
    put(folder, "online_retail_II.csv", lines(rows, ","))


def otto(folder: Path) -> None:
    rows = per_user(
        lambda u, own: {
            "session": u,
            "events": [{"aid": i, "ts": t * 1000, "type": "clicks"} for i, t in own],
        }
    )
    put(folder, "otto-recsys-train.jsonl", json_lines(rows))


def yoochoose(folder: Path) -> None:
    rows = [(u, iso(t).replace("Z", ".277Z"), i, "S") for u, i, t in EVENTS]
    put(folder, "yoochoose-clicks.dat", lines(rows, ","))


def kuairec(folder: Path) -> None:
    rows = [(i, t, "[Home]") for i, t in ITEMS]
    put(folder, "kuairec_caption_category.csv", table("video_id caption topic_tag", rows))
    names = "user_id video_id play_duration video_duration time date timestamp watch_ratio"
    events = [(u, i, 9, 9, iso(t, "%F %T"), iso(t, "%Y%m%d"), t, 1.5) for u, i, t in EVENTS]
    put(folder, "big_matrix.csv", table(names, events))


def recbole(folder: Path) -> None:
    names = "item_id:token movie_title:token_seq class:token_seq"
    put(folder, "ml-100k.item", table(names, [(i, t, "Drama War") for i, t in ITEMS], "\t"))
    names = "user_id:token item_id:token rating:float timestamp:float"
    put(folder, "ml-100k.inter", table(names, [(u, i, 5, t) for u, i, t in EVENTS], "\t"))


def _variant(quantity: int) -> Row:
    policy = {"inventory_policy": "deny", "inventory_management": "shopify"}
    return {"id": 1, "sku": "x", "inventory_quantity": quantity, **policy}


def products(fields: Callable[[int], Row]) -> list[Row]:
    return [{"id": 70 + i, "title": t, "images": [], **fields(i)} for i, t in ITEMS]


def shopify(folder: Path) -> None:
    rows = products(lambda i: {"variants": [_variant(0), _variant(0 if i in CLOSED else 3)]})
    put(folder, "products.json", json.dumps({"products": rows}))
    orders = [
        {
            "id": k,
            "created_at": iso(t).replace("Z", "+00:00"),
            "updated_at": iso(t),
            "financial_status": "paid",
            "user_id": None,
            "refunds": [],
            "customer": {"id": 500 + u, "default_address": {"customer_id": 500 + u}},
            "line_items": [
                {"id": 9, "product_id": 70 + i, "variant_id": 1, "sku": "x", "quantity": 1}
            ],
        }
        for k, (u, i, t) in enumerate(EVENTS)
    ]
    put(folder, "orders.json", json.dumps({"orders": orders}, indent=1))


def woocommerce(folder: Path) -> None:
    states = {i: "outofstock" if i in CLOSED else "instock" for i, _ in ITEMS} | {0: "onbackorder"}
    put(folder, "products.json", json.dumps(products(lambda i: {"stock_status": states[i]})))
    orders = [
        {
            "id": k,
            "status": "completed",
            "customer_id": 500 + u,
            "date_created": iso(t)[:-1],
            "line_items": [
                {"id": 9, "product_id": 70 + i, "sku": "x", "quantity": 1, "meta_data": []}
            ],
        }
        for k, (u, i, t) in enumerate(EVENTS)
    ]
    put(folder, "orders.json", json.dumps(orders))


def ga4(folder: Path) -> None:
    own_items(folder)
    rows = [
        {
            "event_date": iso(t, "%Y%m%d"),
            "event_timestamp": str(t * 1_000_000),
            "user_id": None,
            "event_name": "view_item",
            "user_pseudo_id": f"{u}.16",
            "device": {"category": "mobile"},
            "event_params": [{"key": "page", "value": {"string_value": "x"}}],
            "items": [{"item_id": str(i), "item_name": TITLES[i], "quantity": None}],
        }
        for u, i, t in EVENTS
    ]
    put(folder, "events.jsonl", json_lines(rows))


def matomo(folder: Path) -> None:
    own_items(folder)
    visits = per_user(
        lambda u, own: {
            "idVisit": str(u),
            "visitorId": f"{u:016x}",
            "userId": None,
            "serverTimestamp": own[-1][1],
            "actionDetails": [
                {
                    "type": "action",
                    "url": "https://x.example",
                    "timestamp": t,
                    "productViewSku": str(i),
                }
                for i, t in own
            ],
        }
    )
    put(folder, "visits.json", json.dumps(visits))


def snowplow(folder: Path) -> None:
    own_items(folder)
    product = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    action = product.replace("contexts", "unstruct_event").replace(
        "ecommerce_product", "ecommerce_snowplow_ecommerce_action"
    )
    deeds = [(u, i, t, "product_view" if i % 2 else "add_to_cart") for u, i, t in EVENTS]
    undone = [(0, 1, EVENTS[-1][2] + 9, "remove_from_cart")]  # in no other event of the user
    rows = [
        {
            "app_id": "shop",
            "collector_tstamp": iso(t),
            "derived_tstamp": iso(t),
            "event": "unstruct",
            "event_name": "snowplow_ecommerce_action",
            "user_id": None,
            "domain_userid": f"d{u}",
            action: {"type": deed, "name": None},
            product: [{"id": str(i), "name": TITLES[i], "price": 9.5}],
        }
        for u, i, t, deed in deeds + undone
    ]
    put(folder, "events.jsonl", json_lines(rows))


def segment(folder: Path) -> None:
    own_items(folder)
    rows = [
        {
            "anonymousId": "x",
            "userId": f"u{u}",
            "type": "track",
            "event": "Product Viewed",
            "context": {"page": {"path": "/"}, "library": {"name": "a.js", "version": "1"}},
            "properties": {"product_id": str(i), "price": 9.5},
            "timestamp": iso(t),
            "receivedAt": iso(t + 5),
            "sentAt": iso(t + 4),
            "originalTimestamp": iso(t),
        }
        for u, i, t in EVENTS
    ]
    put(folder, "track.jsonl", json_lines(rows))


def mixpanel(folder: Path) -> None:
    own_items(folder)
    rows = [
        {
            "event": "Product Viewed",
            "properties": {
                "time": t,
                "distinct_id": f"u{u}",
                "$browser": "X",
                "product_id": str(i),
            },
        }
        for u, i, t in EVENTS
    ]
    put(folder, "events.jsonl", json_lines(rows))


def amplitude(folder: Path) -> None:
    own_items(folder)
    rows = [
        {
            "user_id": f"u{u}",
            "device_id": "d",
            "event_type": "View Item",
            "event_time": iso(t, "%F %T") + ".000000",
            "event_properties": {"product_id": str(i)},
            "user_properties": {"plan": "free"},
        }
        for u, i, t in EVENTS
    ]
    put(folder, "events.json.gz", json_lines(rows))


def mongoexport(folder: Path) -> None:
    oids = [f"5f0000000000000000000{i:03}" for i, _ in ITEMS]
    items = [{"_id": {"$oid": oids[i]}, "title": t, "stock": {"$numberInt": "4"}} for i, t in ITEMS]
    put(folder, "products.json", json_lines(items))
    rows = [
        {
            "_id": {"$oid": f"{k:024x}"},
            "userId": {"$oid": f"{u:024x}"},
            "productId": {"$oid": oids[i]},
            "createdAt": {"$date": iso(t)},
        }
        for k, (u, i, t) in enumerate(EVENTS)
    ]
    put(folder, "events.json", json_lines(rows))


SAMPLES: dict[str, Callable[[Path], None]] = {
    "MovieLens 100K": movielens_100k,
    "MovieLens 1M, 10M": movielens_1m,
    "MovieLens 20M, 25M, 32M, latest": movielens_25m,
    "Amazon 2014": amazon_2014,
    "Amazon 2018": amazon_2018,
    "Amazon 2023": amazon_2023,
    "MIND": mind,
    "Taobao UserBehavior": taobao,
    "RetailRocket": retailrocket,
    "Steam (playtimes)": steam_playtimes,
    "Steam (reviews)": steam_reviews,
    "Yelp": yelp,
    "Goodreads": goodreads,
    "Last.fm 1K": lastfm_1k,
    "Last.fm 360K": lastfm_360k,
    "Last.fm of HetRec 2011": hetrec,
    "H&M": h_and_m,
    "Instacart": instacart,
    "Dunnhumby, The Complete Journey": dunnhumby,
    "Online Retail (UCI)": online_retail,
    "Otto": otto,
    "Yoochoose": yoochoose,
    "KuaiRec": kuairec,
    "RecBole": recbole,
    "Shopify (Admin API)": shopify,
    "WooCommerce (REST API)": woocommerce,
    "Google Analytics 4 (BigQuery export)": ga4,
    "Matomo (Live API)": matomo,
    "Snowplow (e-commerce)": snowplow,
    "Segment": segment,
    "Mixpanel (raw export)": mixpanel,
    "Amplitude (export)": amplitude,
    "mongoexport": mongoexport,
}
