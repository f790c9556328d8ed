package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"xlab/run"
	"xlab/run/atomicfile"
)

// File is the database's name in the directory of the runs.
const File = ".index.sqlite"

// application marks a database as an index of runs, and version its form.
const (
	application = 0x786c6162 // "xlab"
	version     = 2          // since arguments are redacted
)

const schema = `
CREATE TABLE runs (
  id      TEXT PRIMARY KEY,
  mark    TEXT NOT NULL,    -- what the directory looked like when it was read
  ended   INTEGER NOT NULL, -- 0 = whether its process lives has to be asked
  started TEXT NOT NULL,    -- UTC, sorts as time
  command TEXT NOT NULL,    -- this and the following in lower case
  array   TEXT NOT NULL,
  chip    TEXT NOT NULL,
  outcome TEXT NOT NULL,
  words   TEXT NOT NULL,    -- ID and arguments
  entry   TEXT NOT NULL     -- everything, as JSON
) WITHOUT ROWID;
CREATE INDEX runs_started ON runs (started);`

// patience is how long another process may keep the database busy.
const patience = 2 * time.Second

// Index is an open database. Its methods may be called by several goroutines.
type Index struct {
	root string
	db   *sql.DB
}

// Open opens the database of the runs below root, and makes one where there is
// none or where it is of another form. It does not read any run; Refresh does.
func Open(ctx context.Context, root string) (*Index, error) {
	x := &Index{root: root}
	path := filepath.Join(root, File)
	err := x.open(ctx, path)
	if replaceable(err) {
		if err = remove(path); err == nil {
			err = x.open(ctx, path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func (x *Index) open(ctx context.Context, path string) (err error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute)}
	if !strings.HasPrefix(name.Path, "/") {
		name.Path = "/" + name.Path // a drive letter
	}
	// Immediate: a transaction that reads first and then finds that another
	// process has written would fail without waiting.
	name.RawQuery = url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "journal_mode(WAL)", "synchronous(NORMAL)",
	}}.Encode()
	// What SQLite makes is as open as the umask lets it be, and what belongs to a
	// database is as open as that.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, atomicfile.Private)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) { // SQLite says what it cannot do
		return err
	}
	if x.db, err = sql.Open("sqlite", name.String()); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.db.Close())
		}
	}()
	// One connection: there is nothing to gain from more, and none can wait for
	// another of the same process.
	x.db.SetMaxOpenConns(1)
	return x.prepare(ctx)
}

// errForeign is for a database of another form.
var errForeign = errors.New("not an index of this version")

// prepare makes the tables, or checks that they are those of this version.
func (x *Index) prepare(ctx context.Context) error {
	empty, err := form(ctx, x.db)
	if err != nil || !empty {
		return err
	}
	return x.change(ctx, func(tx *sql.Tx) error {
		// Another process may have been quicker.
		if empty, err := form(ctx, tx); err != nil || !empty {
			return err
		}
		_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", application,
			version))
		return err
	})
}

// form tells whether a database is empty, or errForeign where it is of another
// form.
func form(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (empty bool, err error) {
	var id, number, tables int
	for statement, into := range map[string]*int{"PRAGMA application_id": &id, "PRAGMA user_version": &number,
		"SELECT count(*) FROM sqlite_schema": &tables} {
		if err := db.QueryRowContext(ctx, statement).Scan(into); err != nil {
			return false, err
		}
	}
	switch {
	case tables == 0:
		return true, nil
	case id == application && number == version:
		return false, nil
	}
	return false, errForeign
}

// change does something in a transaction.
func (x *Index) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close closes the database.
func (x *Index) Close() error { return x.db.Close() }

// closeAfter closes the database, and says so where that is all that went wrong.
func (x *Index) closeAfter(err *error) {
	if cerr := x.Close(); *err == nil {
		*err = cerr
	}
}

// replaceable tells whether a new database would help against an error.
func replaceable(err error) bool {
	if errors.Is(err, errForeign) {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA,
		sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FORMAT:
		return true
	}
	return false
}

// remove removes a database with what belongs to it.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Refresh brings the index up to date with the directories and tells how many
// runs had to be read.
func (x *Index) Refresh(ctx context.Context) (read int, err error) {
	known := make(map[string]string) // mark by ID
	var living []string              // whose process has to be asked for
	err = x.each(ctx, "SELECT id, mark, ended FROM runs", func(scan func(...any) error) error {
		var id, mark string
		var ended bool
		if err := scan(&id, &mark, &ended); err != nil {
			return err
		}
		if known[id] = mark; !ended {
			living = append(living, id)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	marks, err := marksBelow(x.root)
	if err != nil {
		return 0, err
	}
	var stale, gone []string
	for id, mark := range marks {
		if known[id] != mark {
			stale = append(stale, id)
		}
	}
	for id := range known {
		if _, there := marks[id]; !there {
			gone = append(gone, id)
		}
	}
	living = slices.DeleteFunc(living, func(id string) bool { return marks[id] == "" || known[id] != marks[id] })
	slices.Sort(stale)
	return len(stale), x.update(ctx, stale, marks, gone, living)
}

// Rebuild trusts nothing and reads all runs again. It tells how many there
// are.
func (x *Index) Rebuild(ctx context.Context) (int, error) {
	// The rows stay until they are replaced, for other processes' searches.
	if _, err := x.db.ExecContext(ctx, "UPDATE runs SET mark = ''"); err != nil {
		return 0, err
	}
	return x.Refresh(ctx)
}

// Note reads one run again, at its beginning and its end.
func (x *Index) Note(ctx context.Context, id string) error {
	mark, err := markOf(filepath.Join(x.root, id))
	if err != nil {
		return err
	}
	return x.update(ctx, []string{id}, map[string]string{id: mark}, nil, nil)
}

// update reads the stale runs, drops those that are gone, and asks whether the
// processes of living ones still are.
func (x *Index) update(ctx context.Context, stale []string, marks map[string]string, gone, living []string) error {
	entries, err := readAll(ctx, x.root, stale)
	if err != nil {
		return err
	}
	var changed []Entry
	for _, id := range living {
		e, err := x.entry(ctx, id)
		if err != nil {
			return err
		}
		alive, err := run.Alive(filepath.Join(x.root, id))
		if err != nil {
			continue // it remains what it was said to be
		}
		if e.alive(alive) {
			changed = append(changed, e)
		}
	}
	entries = append(entries, changed...)
	if len(entries)+len(gone) == 0 {
		return nil
	}
	return x.change(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO runs (id, mark, ended, started, command, array, "+
			"chip, outcome, words, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			text, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("run %s: %w", e.ID, err)
			}
			ended := e.Outcome != run.OutcomeRunning && e.Outcome != run.OutcomeUnknown
			if _, err := insert.ExecContext(ctx, e.ID, marks[e.ID], ended, stamp(e.Started), strings.ToLower(e.Command),
				strings.ToLower(e.Array), strings.ToLower(e.Chip), string(e.Outcome), e.words(), string(text)); err != nil {
				return err
			}
		}
		for _, id := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
}

// readAll reads runs, several at a time: most of it is waiting for files.
func readAll(ctx context.Context, root string, ids []string) ([]Entry, error) {
	entries := make([]Entry, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i, id := range ids {
		group.Go(func() error {
			if ctx.Err() == nil {
				entries[i] = entryOf(run.Read(filepath.Join(root, id)))
			}
			return context.Cause(ctx)
		})
	}
	return entries, group.Wait()
}

// Search finds runs, oldest first. It knows what was there at the last Refresh.
func (x *Index) Search(ctx context.Context, q Query) ([]Entry, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	text, arguments := q.statement()
	var found []Entry
	err := x.each(ctx, text, func(scan func(...any) error) error {
		var entry string
		if err := scan(&entry); err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal([]byte(entry), &e); err != nil {
			return fmt.Errorf("%w: %w", errForeign, err)
		}
		found = append(found, e)
		return nil
	}, arguments...)
	slices.Reverse(found)
	return found, err
}

func (x *Index) entry(ctx context.Context, id string) (e Entry, err error) {
	var text string
	if err := x.db.QueryRowContext(ctx, "SELECT entry FROM runs WHERE id = ?", id).Scan(&text); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, fmt.Errorf("%w: %w", errForeign, err)
	}
	return e, nil
}

// each visits the rows that a query gives.
func (x *Index) each(ctx context.Context, query string, visit func(scan func(...any) error) error,
	arguments ...any) (err error) {
	rows, err := x.db.QueryContext(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
