-- Loads into a warehouse, as its own receipts say: a copy, from which the newest state of each is known without a session.
CREATE TABLE loads (
    warehouse        text NOT NULL,
    load_id          text NOT NULL,
    table_name       text NOT NULL,
    delta_id         text NOT NULL,
    from_version     bigint NOT NULL,
    to_version       bigint NOT NULL,
    mode             text NOT NULL CHECK (mode IN ('delta', 'full')),
    reason           text NOT NULL,
    rows_inserted    bigint NOT NULL,
    rows_updated     bigint NOT NULL,
    rows_deleted     bigint NOT NULL,
    rows_total       bigint NOT NULL,
    checksums        jsonb NOT NULL,
    columns          jsonb NOT NULL,
    checksum_version integer NOT NULL,
    bytes_staged     bigint NOT NULL,
    duration_ms      bigint NOT NULL,
    query_ids        jsonb NOT NULL,
    loaded_at        timestamptz NOT NULL,
    PRIMARY KEY (warehouse, load_id)
);
CREATE INDEX loads_newest ON loads (warehouse, table_name, loaded_at DESC);
COMMENT ON COLUMN loads.warehouse IS 'duckdb:FOLDER or snowflake:ACCOUNT/DATABASE.SCHEMA';
COMMENT ON COLUMN loads.from_version IS '-1: the warehouse held nothing of this Delta table';
COMMENT ON COLUMN loads.reason IS 'why a full load was one; empty for delta';
COMMENT ON COLUMN loads.checksums IS 'by column, over all rows of the table after the load: jobs/warehouse/checksum.py';
COMMENT ON COLUMN loads.columns IS 'name and type of each column that the checksums cover, in order';
