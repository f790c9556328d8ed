package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

// What a figure may consist of. The lists hold what drawings are made of and
// nothing that runs, loads or reaches out of the figure; what is not on them
// is refused and not left out, because a figure without one of its parts would
// be wrong without a sign of it.
var (
	svgElements = []string{
		"svg", "g", "path", "text", "tspan", "title", "desc", "rect", "circle", "ellipse", "line", "polyline", "polygon",
		"image",
	}
	svgAttributes = []string{
		"width", "height", "viewBox", "preserveAspectRatio", "version", "role", "transform", "style",
		"d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "points",
		"fill", "fill-opacity", "fill-rule", "opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
		"stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit",
		"font-family", "font-size", "font-weight", "font-style", "font-variant", "text-anchor", "dominant-baseline",
	}
	svgImages = []string{"data:image/png;base64,", "data:image/jpeg;base64,"}
)

// inlineSVG makes a part of an HTML page of an SVG document. The document is
// written anew from its elements, so that the page contains what was checked
// here and not what another parser may see in the same bytes.
func inlineSVG(document []byte, alt string) (string, error) {
	var out bytes.Buffer
	reader := xml.NewDecoder(bytes.NewReader(document))
	var open []string
	roots := 0
	for {
		token, err := reader.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", fmt.Errorf("it is no SVG: %w", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			if len(open) == 0 {
				if roots++; name != "svg" || roots > 1 {
					return "", fmt.Errorf("it is no SVG: there is an element %q where one svg element is expected", name)
				}
			}
			if !slices.Contains(svgElements, name) || e.Name.Space != "http://www.w3.org/2000/svg" && e.Name.Space != "" {
				return "", fmt.Errorf("its SVG contains an element %q, which a report does not take over", name)
			}
			fmt.Fprintf(&out, "<%s", name)
			if len(open) == 0 {
				fmt.Fprintf(&out, ` role="img" aria-label="%s"`, html.EscapeString(alt))
			}
			for _, a := range e.Attr {
				if err := writeAttribute(&out, name, a, len(open) == 0); err != nil {
					return "", err
				}
			}
			out.WriteByte('>')
			open = append(open, name)
		case xml.EndElement:
			fmt.Fprintf(&out, "</%s>", e.Name.Local)
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && slices.Contains([]string{"text", "tspan", "title", "desc"}, open[len(open)-1]) {
				out.WriteString(html.EscapeString(string(e)))
			}
		}
	}
	if roots == 0 {
		return "", errors.New("it is no SVG: there is no svg element")
	}
	return out.String(), nil
}

func writeAttribute(out *bytes.Buffer, element string, a xml.Attr, root bool) error {
	name, value := a.Name.Local, a.Value
	switch {
	case name == "xmlns" || a.Name.Space == "xmlns":
		return nil // HTML knows the name spaces itself
	case root && name == "role":
		return nil // written already
	case name == "href" && element == "image":
		if !slices.ContainsFunc(svgImages, func(kind string) bool { return strings.HasPrefix(value, kind) }) {
			return fmt.Errorf("its SVG refers to %.60q: only embedded images make a page that is complete", value)
		}
	case !slices.Contains(svgAttributes, name) || a.Name.Space != "":
		return fmt.Errorf("its SVG contains an attribute %q, which a report does not take over", name)
	case strings.ContainsAny(value, `\@`) || strings.Contains(strings.ToLower(value), "url("):
		return fmt.Errorf("its SVG has a %s %.60q, which could load something", name, value)
	}
	fmt.Fprintf(out, ` %s="%s"`, name, html.EscapeString(value))
	return nil
}

// svgTitle is the title of a drawing.
func svgTitle(document []byte) string {
	var d struct {
		Title string `xml:"title"`
	}
	if err := xml.Unmarshal(document, &d); err != nil || d.Title == "" {
		return "untitled"
	}
	return d.Title
}
