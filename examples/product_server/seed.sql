INSERT INTO products (name, category, price_cents) VALUES
    ('Espresso cup',         'kitchen',   900),
    ('Teapot',               'kitchen',  3450),
    ('Bread knife',          'kitchen',  2800),
    ('Cutting board',        'kitchen',  2250),
    ('Cast iron pan',        'kitchen',  5900),
    ('Pepper mill',          'kitchen',  3100),
    ('Measuring jug',        'kitchen',  1250),
    ('Fountain pen',         'office',   4200),
    ('Notebook, dotted',     'office',   1150),
    ('Pencil sharpener',     'office',    650),
    ('Desk lamp',            'office',   6900),
    ('Paper tray',           'office',   1800),
    ('Stapler',              'office',   1400),
    ('Wall calendar',        'office',   1600),
    ('Trowel',               'garden',   1300),
    ('Watering can',         'garden',   2700),
    ('Pruning shears',       'garden',   3800),
    ('Seed box',             'garden',   2100),
    ('Gardening gloves',     'garden',   1500),
    ('Bird feeder',          'garden',   2400),
    ('Rain gauge',           'garden',   1700),
    ('Chess set',            'games',    4900),
    ('Playing cards',        'games',     800),
    ('Dominoes',             'games',    1900),
    ('Wooden puzzle',        'games',    2600),
    ('Spinning top',         'games',     700),
    ('Backgammon board',     'games',    5400),
    ('Kite',                 'games',    2300),
    ('Hammer',               'tools',    2900),
    ('Spirit level',         'tools',    2200),
    ('Screwdriver set',      'tools',    3600),
    ('Tape measure',         'tools',    1100),
    ('Hand saw',             'tools',    3300),
    ('Work bench',           'tools',   18900),
    ('Clamp',                'tools',    1450),
    ('Tool box',             'tools',    4700);

INSERT INTO users (token, name, email) VALUES
    ('alice-token', 'Alice', 'alice@shop.example'),
    ('bob-token',   'Bob',   'bob@shop.example');

-- 6,000 orders of up to ten products each
WITH RECURSIVE line (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM line WHERE n < 59999)
INSERT OR IGNORE INTO order_lines (order_id, product_id)
SELECT n / 10, 1 + ((n * 2654435761) >> 9) % 36 FROM line;
