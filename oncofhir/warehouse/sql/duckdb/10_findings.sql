-- Findings that stand: current, or edited by a person; rows of a dry run (shadow) are left out.
CREATE OR REPLACE VIEW findings AS
SELECT * FROM phenotypes WHERE status IN ('current', 'human-edited') AND NOT shadow;
