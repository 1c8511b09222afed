-- Two ways to one number compared: how many, how many differ, and by how much at most.
CREATE TABLE parity (
    run_id      uuid NOT NULL REFERENCES runs,
    session     date NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('stream_and_batch', 'minutes_and_day')),
    column_name text NOT NULL,
    compared    bigint NOT NULL,
    mismatched  bigint NOT NULL,
    worst       double precision,
    PRIMARY KEY (run_id, kind, session, column_name)
);
COMMENT ON COLUMN parity.worst IS 'the largest difference; null: the column is no number, or none was compared';
