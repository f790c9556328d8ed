package input

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// JSONError says in words, with line and column, what encoding/json found wrong
// with a text. Errors of the values' own readers are left as they are.
func JSONError(err error, text []byte) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(-1)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("this is not JSON: it ends in the middle")
	case errors.As(err, &syntax):
		offset = syntax.Offset
		err = fmt.Errorf("this is not JSON: %w", err)
	case errors.As(err, &kind):
		offset = kind.Offset
		article := "a"
		if strings.HasPrefix(kind.Value, "array") || strings.HasPrefix(kind.Value, "object") {
			article = "an"
		}
		err = fmt.Errorf("%s: there is %s %s where %s belongs", cmp.Or(kind.Field, "the whole"), article, kind.Value,
			kindName(kind.Type.Kind()))
	}
	if offset < 0 || offset > int64(len(text)) {
		return err
	}
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
}

// kindName says what a field of a kind holds.
func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Struct, reflect.Map:
		return "an object {...}"
	case reflect.Slice, reflect.Array:
		return "a list [...]"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	}
	return "a number"
}
