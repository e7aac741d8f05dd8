-- Entries are never changed.
CREATE FUNCTION "Event_unchanged"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'events are only added'; END $$;

CREATE TRIGGER "Event_unchanged" BEFORE UPDATE ON "Event" FOR EACH ROW EXECUTE FUNCTION "Event_unchanged"();

-- None goes before those that are older. All that one statement deletes go at once.
CREATE FUNCTION "Event_oldest_first"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE older BOOLEAN; BEGIN
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I WHERE "id" < (SELECT max("id") FROM gone))', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO older; IF older THEN RAISE EXCEPTION 'the oldest events go first'; END IF; RETURN NULL; END $$;

CREATE TRIGGER "Event_oldest_first" AFTER DELETE ON "Event" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "Event_oldest_first"();
