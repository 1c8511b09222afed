-- When a source was last asked for a quote of a symbol: the one that waits for longest is the next.
CREATE TABLE quote_asks (
    source        text NOT NULL,
    vendor_symbol text NOT NULL,
    asked_at      timestamptz NOT NULL,
    PRIMARY KEY (source, vendor_symbol)
);
