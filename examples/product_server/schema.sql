CREATE TABLE products (
    -- a number is never used twice: its URL stays gone
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL DEFAULT '',
    category    TEXT    NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    stock       INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
) STRICT;

-- what was sold stays sold, also when the product is gone
CREATE TABLE order_lines (
    order_id   INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    token TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    email TEXT NOT NULL
) STRICT, WITHOUT ROWID;
