CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
CREATE TABLE term (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  epoch INTEGER NOT NULL CHECK (epoch >= 0)
) STRICT;
CREATE TRIGGER term_rises BEFORE UPDATE ON term WHEN NEW.epoch <= OLD.epoch
BEGIN SELECT RAISE(ABORT, 'the epoch may only rise'); END;
CREATE TRIGGER term_stays BEFORE DELETE ON term
BEGIN SELECT RAISE(ABORT, 'the epoch is never forgotten'); END;
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
  wall_milliseconds INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  host TEXT,
  guest TEXT,
  job INTEGER,
  actor TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TRIGGER event_follows BEFORE INSERT ON event
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM event)
BEGIN SELECT RAISE(ABORT, 'events are numbered without gaps'); END;
CREATE TRIGGER event_stays BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TABLE plan (
  id INTEGER PRIMARY KEY CHECK (id >= 1),
  parent INTEGER NOT NULL CHECK (parent >= 0 AND parent < id),
  state TEXT NOT NULL CHECK (state IN ('proposed', 'applying', 'done', 'failed')),
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TRIGGER plan_ends BEFORE UPDATE ON plan
WHEN OLD.state IN ('done', 'failed') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'a plan that has ended stays as it ended'); END;
CREATE TABLE job (
  id INTEGER PRIMARY KEY CHECK (id >= 1),
  plan INTEGER REFERENCES plan (id) DEFERRABLE INITIALLY DEFERRED,
  host TEXT NOT NULL CHECK (host <> ''),
  guest TEXT NOT NULL CHECK (guest <> ''),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  generation INTEGER NOT NULL CHECK (generation >= 0),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'running', 'verified', 'refused', 'diverged')),
  created INTEGER NOT NULL,
  ended INTEGER,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE UNIQUE INDEX job_by_generation ON job (guest, generation);
CREATE INDEX job_by_plan ON job (plan);
CREATE INDEX job_active ON job (id) WHERE state IN ('waiting', 'sent', 'running');
CREATE TRIGGER job_ends BEFORE UPDATE ON job
WHEN OLD.state IN ('verified', 'refused', 'diverged') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'a job that has ended stays as it ended'); END;
CREATE TRIGGER job_keeps_its_guest BEFORE UPDATE ON job
WHEN (NEW.host, NEW.guest, NEW.generation) <> (OLD.host, OLD.guest, OLD.generation) OR NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'a job keeps its host, guest and generation, and its epoch may only rise'); END;
CREATE TABLE generation (
  guest TEXT PRIMARY KEY CHECK (guest <> ''),
  generation INTEGER NOT NULL CHECK (generation >= 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER generation_rises BEFORE UPDATE ON generation
WHEN NEW.generation <= OLD.generation OR NEW.guest <> OLD.guest
BEGIN SELECT RAISE(ABORT, 'the generation of a guest may only rise'); END;
CREATE TRIGGER generation_stays BEFORE DELETE ON generation
BEGIN SELECT RAISE(ABORT, 'the generation of a guest is never forgotten'); END;
CREATE TABLE claim (
  job INTEGER PRIMARY KEY REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED,
  host TEXT NOT NULL CHECK (host <> ''),
  guest TEXT NOT NULL CHECK (guest <> ''),
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE claim_pcpu (
  host TEXT NOT NULL CHECK (host <> ''),
  pcpu INTEGER NOT NULL CHECK (pcpu >= 0),
  job INTEGER NOT NULL REFERENCES claim (job) ON DELETE CASCADE,
  PRIMARY KEY (host, pcpu)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_pcpu_by_job ON claim_pcpu (job);
CREATE TABLE key (
  public_key TEXT PRIMARY KEY CHECK (length(public_key) = 40),
  owner TEXT NOT NULL CHECK (owner <> ''),
  role TEXT NOT NULL CHECK (role IN ('agent', 'viewer', 'operator', 'admin')),
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TRIGGER key_stays_revoked BEFORE UPDATE ON key WHEN OLD.revoked = 1 AND NEW.revoked = 0
BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked; authorize a new one'); END;
CREATE TRIGGER key_keeps_its_owner BEFORE UPDATE ON key
WHEN (NEW.public_key, NEW.owner, NEW.role) <> (OLD.public_key, OLD.owner, OLD.role)
BEGIN SELECT RAISE(ABORT, 'a key keeps its owner and role; authorize a new one'); END;
CREATE TRIGGER key_remains BEFORE DELETE ON key
BEGIN SELECT RAISE(ABORT, 'a key is revoked, never removed'); END;
CREATE TABLE draining (
  host TEXT PRIMARY KEY NOT NULL CHECK (host <> '')
) STRICT;
CREATE TABLE machine (
  number INTEGER PRIMARY KEY,
  body TEXT NOT NULL UNIQUE CHECK (json_valid(body))
) STRICT;
CREATE TABLE topology (
  hash INTEGER PRIMARY KEY,
  machine INTEGER NOT NULL REFERENCES machine (number),
  cells TEXT NOT NULL CHECK (json_valid(cells))
) STRICT;
CREATE INDEX topology_by_machine ON topology (machine);
CREATE TRIGGER machine_orphaned AFTER DELETE ON topology
BEGIN
  DELETE FROM machine
  WHERE number = OLD.machine AND NOT EXISTS (SELECT 1 FROM topology WHERE machine = OLD.machine);
END;
CREATE TABLE host (
  id TEXT PRIMARY KEY NOT NULL CHECK (id <> ''),
  topology INTEGER REFERENCES topology (hash),
  agents_hash INTEGER NOT NULL,
  facts TEXT NOT NULL CHECK (json_valid(facts))
) STRICT, WITHOUT ROWID;
CREATE INDEX host_by_topology ON host (topology);
CREATE TRIGGER topology_left AFTER UPDATE OF topology ON host WHEN OLD.topology IS NOT NEW.topology
BEGIN
  DELETE FROM topology WHERE hash = OLD.topology AND NOT EXISTS (SELECT 1 FROM host WHERE topology = OLD.topology);
END;
CREATE TRIGGER topology_orphaned AFTER DELETE ON host
BEGIN
  DELETE FROM topology WHERE hash = OLD.topology AND NOT EXISTS (SELECT 1 FROM host WHERE topology = OLD.topology);
END;
CREATE TABLE sighting (
  host TEXT NOT NULL REFERENCES host (id) ON DELETE CASCADE,
  guest TEXT NOT NULL CHECK (guest <> ''),
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('domain', 'process')),
  type TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'shutoff', 'other')),
  PRIMARY KEY (host, guest)
) STRICT, WITHOUT ROWID;
CREATE TABLE command (
  number INTEGER PRIMARY KEY,
  boot TEXT NOT NULL CHECK (boot <> ''),
  message_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  wall_milliseconds INTEGER NOT NULL,
  name TEXT NOT NULL CHECK (name <> ''),
  answer TEXT NOT NULL CHECK (json_valid(answer))
) STRICT;
CREATE UNIQUE INDEX command_by_request ON command (boot, message_id);
CREATE TRIGGER command_answered_once BEFORE UPDATE ON command
BEGIN SELECT RAISE(ABORT, 'an answer is never changed'); END;
CREATE TRIGGER command_forgotten AFTER INSERT ON command
BEGIN DELETE FROM command WHERE number <= NEW.number - 4096; END;
CREATE TABLE event_floor (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  sequence INTEGER NOT NULL CHECK (sequence >= 0)
) STRICT;
CREATE TRIGGER event_floor_rises BEFORE UPDATE ON event_floor
WHEN NEW.sequence < OLD.sequence OR NEW.sequence >= (SELECT coalesce(max(sequence), 0) FROM event)
BEGIN SELECT RAISE(ABORT, 'the floor of events may only rise, and the newest event stays'); END;
CREATE TRIGGER event_floor_stays BEFORE DELETE ON event_floor
BEGIN SELECT RAISE(ABORT, 'the floor of events is never forgotten'); END;
CREATE TRIGGER event_remains BEFORE DELETE ON event WHEN OLD.sequence > (SELECT sequence FROM event_floor)
BEGIN SELECT RAISE(ABORT, 'events above the floor are never removed'); END;
CREATE TABLE policy (
  revision INTEGER PRIMARY KEY CHECK (revision >= 1),
  wall_milliseconds INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TRIGGER policy_follows BEFORE INSERT ON policy
WHEN NEW.revision <> (SELECT coalesce(max(revision), 0) + 1 FROM policy)
BEGIN SELECT RAISE(ABORT, 'revisions of the policy are numbered without gaps'); END;
CREATE TRIGGER policy_stays BEFORE UPDATE ON policy
BEGIN SELECT RAISE(ABORT, 'a revision of the policy is never changed'); END;
CREATE TRIGGER policy_remains BEFORE DELETE ON policy
BEGIN SELECT RAISE(ABORT, 'a revision of the policy is never removed'); END;
CREATE TABLE automation (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  mode TEXT NOT NULL CHECK (mode IN ('off', 'shadow', 'on')),
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE moved (
  job INTEGER PRIMARY KEY REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED,
  guest TEXT NOT NULL CHECK (guest <> ''),
  wall_milliseconds INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TRIGGER moved_forgotten AFTER INSERT ON moved
BEGIN DELETE FROM moved WHERE job <= NEW.job - 100000; END;
CREATE TABLE wish (
  host TEXT NOT NULL REFERENCES host (id) ON DELETE CASCADE,
  guest TEXT NOT NULL CHECK (guest <> ''),
  body TEXT NOT NULL CHECK (json_valid(body)),
  PRIMARY KEY (host, guest)
) STRICT, WITHOUT ROWID;
