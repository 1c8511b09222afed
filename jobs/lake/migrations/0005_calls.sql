-- What was asked of each source on each of its days, taken before the call and never given back.
CREATE TABLE calls (
    source  text NOT NULL,
    day     date NOT NULL,
    purpose text NOT NULL,
    calls   integer NOT NULL CHECK (calls > 0),
    PRIMARY KEY (source, day, purpose)
);
COMMENT ON COLUMN calls.day IS 'the calendar day in the zone of the source''s budget';
-- When the next call may go out, and until when none may.
CREATE TABLE sources (
    source        text PRIMARY KEY,
    next_call_at  timestamptz NOT NULL DEFAULT '-infinity',
    rests_until   timestamptz NOT NULL DEFAULT '-infinity',
    rests_because text,
    refusals      integer NOT NULL DEFAULT 0
);
COMMENT ON COLUMN sources.refusals IS 'in a row: the longer it refuses, the longer it is left alone';
