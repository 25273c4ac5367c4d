-- The sweep that finds what is not embedded yet looks at items that are in use, and at no other: what an agent proposed and
-- nobody has accepted is not shown to it.
-- This file is never edited once it was merged; the next change is the next file.

DROP POLICY sweeps ON context_items;
CREATE POLICY sweeps ON context_items FOR SELECT
    USING (current_setting('app.system_job', true) = 'sweeps' AND state = 'active');
