-- The driver writes the checkpoints of the Delta logs beside its batches.
ALTER TABLE upkeep DROP CONSTRAINT upkeep_action_check;
ALTER TABLE upkeep ADD CHECK (action IN ('compact', 'checkpoint', 'vacuum'));
