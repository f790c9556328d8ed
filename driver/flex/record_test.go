package flex

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"xlab/instrument"
)

func TestParseRecords(t *testing.T) {
	for _, tc := range []struct {
		format Format
		text   string
		want   []Record
	}{
		{FMT1, "NAI+000.005E-06", []Record{{0, 1, TypeCurrent, 5e-9, false}}},
		{FMT1, "NAI+1.23456E-06", []Record{{0, 1, TypeCurrent, 1.23456e-6, false}}},
		{FMT1, "CBI-010.000E-06,TAV+01.2000E+00", []Record{{Compliance, 2, TypeCurrent, -10e-6, false},
			{OtherCompliance, 1, TypeVoltage, 1.2, false}}},
		{FMT1, "VAI+199.999E+99", []Record{{Overflow, 1, TypeCurrent, 199.999e99, false}}},
		{FMT1, "XJV-000.000E+00,FAI+000.000E+00", []Record{{Oscillation, 10, TypeVoltage, 0, false},
			{Saturation, 1, TypeCurrent, 0, false}}},
		{FMT1, "NAI+000.001E-06,WAV+000.100E+00,NAI+000.002E-06,EAV+000.200E+00", []Record{
			{0, 1, TypeCurrent, 1e-9, false}, {0, 1, TypeVoltage, 0.1, true}, {0, 1, TypeCurrent, 2e-9, false},
			{Last, 1, TypeVoltage, 0.2, true}}},
		{FMT11, "NAI+1.234567E-06", []Record{{0, 1, TypeCurrent, 1.234567e-6, false}}},
		{FMT11, "SCV+01.00000E+00,GCV+01.00000E+00", []Record{{SearchStopped, 3, TypeVoltage, 1, false},
			{NotFound, 3, TypeVoltage, 1, false}}},
		{FMT21, "000BI-4.000000E-06", []Record{{0, 2, TypeCurrent, -4e-6, false}}},
		{FMT21, "136AI+10.00000E-06", []Record{{Compliance | Last, 1, TypeCurrent, 10e-6, false}}},
		{FMT21, "001AI-199.9999E+99", []Record{{Overflow, 1, TypeCurrent, -199.9999e99, false}}},
		{FMT21, "000ZT+12.34560E+00", []Record{{0, 0, TypeTime, 12.3456, false}}},
	} {
		got, err := ParseRecords(tc.format, tc.text)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("FMT %d %q: %v, %v, want %v", tc.format, tc.text, got, err, tc.want)
		}
	}
	if r, _ := ParseRecords(FMT21, "001AI-199.9999E+99,000AI+4.000000E-06"); !r[0].Missing() || r[1].Missing() {
		t.Errorf("missing values are not told from others: %v", r)
	}
}

func TestGarbledRecords(t *testing.T) {
	for _, tc := range []struct {
		format Format
		text   string
	}{
		{FMT21, ""}, {FMT21, ","}, {FMT21, "000BI-4.000000E-06,"}, {FMT21, ",000BI-4.000000E-06"},
		{FMT21, "000BI-4.000000E-0"}, {FMT21, "000BI-4.000000E-066"}, {FMT21, "NBI-4.000000E-06"},
		{FMT21, "00 BI-4.000000E-06"}, {FMT21, "256BI-4.000000E-06"}, {FMT21, "-01BI-4.000000E-06"},
		{FMT21, "000KI-4.000000E-06"}, {FMT21, "000bI-4.000000E-06"}, {FMT21, "000BR-4.000000E-06"},
		{FMT21, "000BI 4.000000E-06"}, {FMT21, "000BI-4.000000e-06"}, {FMT21, "000BI-4,000000E-06"},
		{FMT21, "000BI-4000000.E-06"}, {FMT21, "000BI-.4000000E-06"}, {FMT21, "000BI-4.000000E 06"},
		{FMT21, "000BI-4.00.000E-06"}, {FMT21, "000BI-4.000000E-O6"}, {FMT21, "000BI+0x1.0000p+06"},
		{FMT21, "000BI+1_0.00000E06"}, {FMT21, "000BI         +Inf"}, {FMT21, "000BI-1000.000E-06"},
		{FMT1, "NAI+1.234567E-06"}, {FMT1, "QAI+1.23456E-06"}, {FMT1, "000AI+1.23456E-06"}, {FMT11, "NAI+1.23456E-06"},
		{FMT1, "+0,\"No Error.\""}, {Format(2), "+1.23456E-06"}, {Format(0), "NAI+1.23456E-06"},
	} {
		got, err := ParseRecords(tc.format, tc.text)
		if instrument.KindOf(err) != instrument.KindProtocol || got != nil {
			t.Errorf("FMT %d %q: %v, %v", tc.format, tc.text, got, err)
		}
	}
	_, err := ParseRecords(FMT21, "000BI-4.000000E-06,"+strings.Repeat("#", 500))
	if err == nil || !strings.Contains(err.Error(), `"####`) || !strings.Contains(err.Error(), "record 2") ||
		len(err.Error()) > 400 {
		t.Errorf("the error does not show the offending text, or too much of it: %v", err)
	}
}

func FuzzRecords(f *testing.F) {
	for _, s := range []string{
		"000BI-4.000000E-06", "136AI+10.00000E-06,001AI+199.9999E+99", "NAI+000.005E-06", "NAI+1.234567E-06",
		"000ZT+12.34560E+00", "", ",", "000BI-4.000000E-0", "WAV+000.100E+00,EAV+000.200E+00", "\x00\xff",
	} {
		for _, format := range []int{1, 11, 21} {
			f.Add(format, s)
		}
	}
	f.Fuzz(func(t *testing.T, format int, text string) {
		records, err := ParseRecords(Format(format), text)
		if err != nil {
			if instrument.KindOf(err) != instrument.KindProtocol || records != nil {
				t.Fatalf("%v with %d records", err, len(records))
			}
			return
		}
		width := map[int]int{1: 15, 11: 16, 21: 18}[format]
		if len(records) == 0 || len(text) != len(records)*(width+1)-1 {
			t.Fatalf("%d records out of %d characters", len(records), len(text))
		}
		for i, r := range records {
			if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Channel < 0 || r.Channel > 10 {
				t.Fatalf("record %d is %+v", i, r)
			}
			if !strings.ContainsRune("VIT", rune(r.Type)) {
				t.Fatalf("record %d is of type %q", i, r.Type)
			}
		}
	})
}

func TestParseOutputs(t *testing.T) {
	slots := func(list ...int) (on Outputs) {
		for _, slot := range list {
			on[slot] = true
		}
		return on
	}
	all := slots(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	for text, want := range map[string]Outputs{
		"CL": {}, "CN": all, "CN1,2,3,4": slots(1, 2, 3, 4), "CN1,2,4;CL3": slots(1, 2, 4), "CL1,2,3,4": {},
		// Other modules, sub-channels.
		"CN1,2,3,4,601,602": slots(1, 2, 3, 4, 6), "CN101,201,301,401": slots(1, 2, 3, 4), "CN1001": slots(10), "CN602": {},
		"CN102": {}, "CN10": slots(10),
		// Spelt in other ways.
		"CN 1, 2 ,3": slots(1, 2, 3), "cn1,2": slots(1, 2), " cl \r": {}, "CN1,2;": slots(1, 2), "CN1,2,": slots(1, 2),
		"CL;": {}, "CN1 ; CL2 ;": slots(1), "CN01": slots(1),
		// In order, as the commands would act.
		"CN;CL3,4": slots(1, 2, 5, 6, 7, 8, 9, 10), "CL;CN2": slots(2), "CN1,2;CL": {},
	} {
		if on, err := ParseOutputs(text); err != nil || on != want {
			t.Errorf("%q: %v, %v; want %v", text, on, err, want)
		}
	}
	for _, bad := range []string{"", ";", " ", "CN1,x", "XX1", "CN11", "CN0", "CN-1", "CN100", "CN1101",
		"1,2", "CN,", "CN1,,2", "CN,1", "CN1,2;;CL3", "CNCL1", "C", "000ZT+12.34560E+00", "CN1 2"} {
		if on, err := ParseOutputs(bad); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%q: %v, %v", bad, on, err)
		}
	}
}

func TestParseUnits(t *testing.T) {
	units, err := ParseUnits("B1517A,0;B1520A,1;0,0")
	if err != nil || len(units) != 3 || units[0] != (Unit{"B1517A", "0"}) || units[2] != (Unit{}) {
		t.Errorf("%v, %v", units, err)
	}
	for _, bad := range []string{"", "B1517A", "B1517A,0;", "B1517A,0,0", ",0", "B1517A,", strings.Repeat("0,0;", 10) +
		"0,0"} {
		if units, err := ParseUnits(bad); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%q: %v, %v", bad, units, err)
		}
	}
}

func TestParseIdentity(t *testing.T) {
	id, err := ParseIdentity("Agilent Technologies,B1500A,0,A.04.03.2010.0130")
	if err != nil || id.Vendor != "Agilent Technologies" || id.Model != "B1500A" || id.Serial != "0" ||
		id.Firmware != "A.04.03.2010.0130" {
		t.Errorf("%+v, %v", id, err)
	}
	for _, bad := range []string{"", "B1500A", "a,b,c", "a,b,c,d,e"} {
		if _, err := ParseIdentity(bad); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseError(t *testing.T) {
	for _, text := range []string{`+0,"No Error."`, `0,"No Error."`, ` +0 , "No Error." `} {
		if e, err := ParseError(text); e != nil || err != nil {
			t.Errorf("%q: %v, %v", text, e, err)
		}
	}
	for text, want := range map[string]struct {
		code   int
		kind   instrument.Kind
		advice bool
	}{
		`305,"Excess current in HPSMU.; SLOT1"`:                 {305, instrument.KindInstrument, false},
		`+202,"Interlock circuit must be closed.; SLOT1"`:       {202, instrument.KindInterlock, true},
		`+999,"Another wording of INTERLOCK on newer firmware"`: {999, instrument.KindInterlock, true},
		`+200,"Channel output switch must be ON.; SLOT3"`:       {200, instrument.KindInstrument, true},
		`-1,"Message, with a comma"`:                            {-1, instrument.KindInstrument, false},
	} {
		e, err := ParseError(text)
		if err != nil || e == nil || e.Code != want.code || e.Kind() != want.kind || (e.Advice() != "") != want.advice {
			t.Errorf("%q: %v, %v", text, e, err)
			continue
		}
		var entry *QueueError
		if !errors.As(fmt.Errorf("run: %w", e), &entry) || !strings.Contains(text, entry.Message) {
			t.Errorf("%q lost its message: %v", text, e)
		}
	}
	for _, bad := range []string{"", "0", `+0`, `"No Error."`, `+0,No Error.`, `+0,"No Error.`, `x,"y"`, `+0,"`,
		"000BI-4.000000E-06"} {
		if e, err := ParseError(bad); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%q: %v, %v", bad, e, err)
		}
	}
}

// The other answers are read by parsers that must bear anything too.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{
		`+0,"No Error."`, `+202,"Interlock circuit must be closed.; SLOT1"`, "B1517A,0;0,0",
		"Agilent Technologies,B1500A,0,A.06",
		"CN1,2;CL3", "CN601", "", ",", `+0,"`, ";;;", "\xff,\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if e, err := ParseError(text); err == nil && e != nil && e.Code == 0 {
			t.Fatalf("%q is an error of code 0", text)
		}
		if units, err := ParseUnits(text); err == nil && (len(units) == 0 || len(units) > 10) {
			t.Fatalf("%q has %d slots", text, len(units))
		}
		if on, err := ParseOutputs(text); err == nil && on[0] {
			t.Fatalf("%q switches slot 0 on", text)
		}
		if id, err := ParseIdentity(text); err == nil && strings.Contains(id.Model, ",") {
			t.Fatalf("%q has the model %q", text, id.Model)
		}
	})
}
