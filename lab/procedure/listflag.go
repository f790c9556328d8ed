package procedure

import (
	"strings"

	"github.com/spf13/pflag"
)

// List is a flag with several quantities, separated by commas, which go there.
func List[T any, P interface {
	*T
	pflag.Value
}](to *[]T) pflag.Value {
	return (*list[T, P])(to)
}

type list[T any, P interface {
	*T
	pflag.Value
}] []T

func (l *list[T, P]) String() string {
	if l == nil {
		return ""
	}
	var words []string
	for i := range *l {
		words = append(words, strings.ReplaceAll(P(&(*l)[i]).String(), " ", ""))
	}
	return strings.Join(words, ",")
}

func (l *list[T, P]) Set(text string) error {
	var values []T
	for word := range strings.SplitSeq(text, ",") {
		var v T
		if err := P(&v).Set(strings.TrimSpace(word)); err != nil {
			return err
		}
		values = append(values, v)
	}
	*l = values
	return nil
}

func (l *list[T, P]) Type() string {
	var v T
	return P(&v).Type() + ",..."
}
