-- When each table was last looked after.
CREATE TABLE upkeep (
    table_name text NOT NULL,
    action     text NOT NULL CHECK (action IN ('compact', 'vacuum')),
    done_at    timestamptz NOT NULL DEFAULT now(),
    run_id     uuid,
    PRIMARY KEY (table_name, action)
);
COMMENT ON COLUMN upkeep.run_id IS 'of the driver that did it; null: the table was first seen then';
