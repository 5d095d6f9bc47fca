INSERT INTO products (name, description, category, price_cents, stock) VALUES
    ('Espresso cup',     'Stoneware, holds 80 ml.',                 'kitchen',   900, 120),
    ('Teapot',           'Glazed, with a strainer; holds 1.2 l.',   'kitchen',  3450,  18),
    ('Bread knife',      'Serrated blade of 22 cm.',                'kitchen',  2800,  34),
    ('Cutting board',    'Oak, 40 by 25 cm.',                       'kitchen',  2250,  27),
    ('Cast iron pan',    '28 cm across, for every stove.',          'kitchen',  5900,  12),
    ('Pepper mill',      'Beech, with a steel grinder.',            'kitchen',  3100,  41),
    ('Measuring jug',    'Glass, marked in ml; holds 1 l.',         'kitchen',  1250,  63),
    ('Fountain pen',     'Steel nib, medium, with a converter.',    'office',   4200,  22),
    ('Notebook, dotted', 'A5, 192 pages.',                          'office',   1150, 210),
    ('Pencil sharpener', 'Brass, with two holes.',                  'office',    650,  95),
    ('Desk lamp',        'LED, with an arm of two joints.',         'office',   6900,   9),
    ('Paper tray',       'A4, made to be stacked.',                 'office',   1800,  38),
    ('Stapler',          'For up to 20 sheets.',                    'office',   1400,  57),
    ('Wall calendar',    'A month on each page.',                   'office',   1600, 140),
    ('Trowel',           'Ash handle, stainless blade.',            'garden',   1300,  44),
    ('Watering can',     'Zinc, holds 9 l.',                        'garden',   2700,  16),
    ('Pruning shears',   'Bypass blades, for wood of up to 20 mm.', 'garden',   3800,  25),
    ('Seed box',         'Tin, with a divider for each month.',     'garden',   2100,  31),
    ('Gardening gloves', 'Goatskin, size 9.',                       'garden',   1500,  88),
    ('Bird feeder',      'Larch, holds 1 kg of seeds.',             'garden',   2400,  19),
    ('Rain gauge',       'Measures up to 35 mm.',                   'garden',   1700,  52),
    ('Chess set',        'Boxwood, folding board.',                 'games',    4900,  14),
    ('Playing cards',    'Two decks of 55 cards.',                  'games',     800, 160),
    ('Dominoes',         '28 stones in a wooden box.',              'games',    1900,  36),
    ('Wooden puzzle',    'Six pieces, one solution.',               'games',    2600,  48),
    ('Spinning top',     'Maple, turned by hand.',                  'games',     700, 130),
    ('Backgammon board', 'Walnut, with felt inside.',               'games',    5400,   7),
    ('Kite',             'Two lines of 20 m each.',                 'games',    2300,   0),
    ('Hammer',           'Head of 500 g, hickory handle.',          'tools',    2900,  45),
    ('Spirit level',     'Aluminium, 60 cm.',                       'tools',    2200,  33),
    ('Screwdriver set',  'Six pieces, slotted and cross-head.',     'tools',    3600,  29),
    ('Tape measure',     '5 m, with a brake.',                      'tools',    1100,  75),
    ('Hand saw',         'Blade of 50 cm, hardened teeth.',         'tools',    3300,  21),
    ('Work bench',       'Beech, with a vice; carries 300 kg.',     'tools',   18900,   3),
    ('Clamp',            'Opens to 30 cm.',                         'tools',    1450,  92),
    ('Tool box',         'Steel, with five trays.',                 'tools',    4700,  11);

INSERT INTO users (token, name, email) VALUES
    ('alice-token', 'Alice', 'alice@shop.example'),
    ('bob-token',   'Bob',   'bob@shop.example');

-- 6,000 orders of up to ten products each
WITH RECURSIVE line (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM line WHERE n < 59999)
INSERT OR IGNORE INTO order_lines (order_id, product_id)
SELECT n / 10, 1 + ((n * 2654435761) >> 9) % 36 FROM line;
