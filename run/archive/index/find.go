package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Find finds runs below root, oldest first, with the index brought up to date,
// or without it where it cannot be used: note then says why, for a person. A
// root that does not exist has no runs. It is an error when the query is
// impossible and when root cannot be read.
func Find(ctx context.Context, root string, q Query) (found []Entry, note string, err error) {
	if err := q.Validate(); err != nil {
		return nil, "", err
	}
	marks, err := marksBelow(root)
	if err != nil || len(marks) == 0 {
		return nil, "", err // nothing to make an index of
	}
	found, note, err = viaIndex(ctx, root, q)
	if err == nil || ctx.Err() != nil {
		return found, note, err
	}
	note = fmt.Sprintf("the index of the runs cannot be used (%v); all run directories were read instead", err)
	found, err = Scan(ctx, root, q)
	return found, note, err
}

func viaIndex(ctx context.Context, root string, q Query) (found []Entry, note string, err error) {
	for try := range 2 {
		found, err = searchIndex(ctx, root, q)
		if !replaceable(err) || try > 0 {
			break
		}
		note = fmt.Sprintf("the index of the runs was unusable (%v); it was made anew from the journals", err)
		if err := remove(filepath.Join(root, File)); err != nil {
			return nil, "", err
		}
	}
	return found, note, err
}

func searchIndex(ctx context.Context, root string, q Query) (found []Entry, err error) {
	x, err := Open(ctx, root)
	if err != nil {
		return nil, err
	}
	defer func() {
		// What was found is right even if closing fails.
		if cerr := x.Close(); err == nil && len(found) == 0 {
			err = cerr
		}
	}()
	if _, err := x.Refresh(ctx); err != nil {
		return nil, err
	}
	return x.Search(ctx, q)
}

// Scan finds runs without the index, by reading all run directories.
func Scan(ctx context.Context, root string, q Query) ([]Entry, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	marks, err := marksBelow(root)
	if err != nil {
		return nil, err
	}
	entries, err := readAll(ctx, root, slices.Collect(maps.Keys(marks)))
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !q.matches(&e) })
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
	})
	if n := len(entries) - q.Limit; q.Limit > 0 && n > 0 {
		entries = entries[n:]
	}
	return entries, nil
}

// Rebuild makes the index of the runs below root anew and tells how many runs
// there are. A database that is unusable is replaced.
func Rebuild(ctx context.Context, root string) (n int, err error) {
	if _, err := os.Stat(root); err != nil {
		return 0, err
	}
	for try := range 2 {
		n, err = rebuild(ctx, root)
		if !replaceable(err) || try > 0 {
			break
		}
		if err := remove(filepath.Join(root, File)); err != nil {
			return 0, err
		}
	}
	return n, err
}

func rebuild(ctx context.Context, root string) (n int, err error) {
	x, err := Open(ctx, root)
	if err != nil {
		return 0, err
	}
	defer x.closeAfter(&err)
	return x.Rebuild(ctx)
}

// Note keeps the index up to date with a run, at its beginning and its end. What
// goes wrong is for a person to know and of no consequence to the run: the
// next search finds out by itself.
func Note(ctx context.Context, root, id string) (err error) {
	x, err := Open(ctx, root)
	if err != nil {
		return err
	}
	defer x.closeAfter(&err)
	return x.Note(ctx, id)
}
