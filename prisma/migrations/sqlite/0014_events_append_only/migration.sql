-- Entries are never changed.
CREATE TRIGGER "Event_unchanged" BEFORE UPDATE ON "Event" BEGIN SELECT RAISE(ABORT, 'events are only added'); END;

-- None goes before those that are older.
CREATE TRIGGER "Event_oldest_first" BEFORE DELETE ON "Event" WHEN EXISTS (SELECT 1 FROM "Event" WHERE "id" < OLD."id") BEGIN SELECT RAISE(ABORT, 'the oldest events go first'); END;
