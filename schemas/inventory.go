package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// An Inventory lists the clients that should exist, and what people have
// decided about clients: each with a name, a date and an end.
type Inventory struct {
	Version      int               `yaml:"version"`
	History      History           `yaml:"history,omitempty"`
	Clients      []InventoryClient `yaml:"clients"`
	Attestations []Decision        `yaml:"attestations,omitempty"` // "it signs", of a client that has not come
	Waivers      []Decision        `yaml:"waivers,omitempty"`      // "it may be refused", of a client that would be
	Strangers    []Decision        `yaml:"strangers,omitempty"`    // "nobody of ours", of a client or a network
	Approvals    []Decision        `yaml:"approvals,omitempty"`    // "go", of an app
}

// A History is the stretch of time in which clients were counted.
type History struct {
	From time.Time `yaml:"from,omitempty"`
	To   time.Time `yaml:"to,omitempty"`
}

// An InventoryClient is one expected caller of an app.
type InventoryClient struct {
	App     string   `yaml:"app"`
	Client  string   `yaml:"client"`                              // as the event log names it
	Cadence Duration `yaml:"cadence,omitempty"`                   // it comes at least this often; 0 if nobody said
	Owner   string   `yaml:"owner,omitempty"`                     // whom to ask
	Factors []string `yaml:"factors,omitempty" json:",omitempty"` // what it shares with others that may fail with it: sdk=2.1
	By      string   `yaml:"by,omitempty"`                        // who says that it exists
	Since   Date     `yaml:"since,omitempty"`
	Until   Date     `yaml:"until,omitempty"` // expected no more after this day; for ever if empty

	// Counted in the history.
	Days int       `yaml:"days,omitempty"` // with activity
	Gap  Duration  `yaml:"gap,omitempty"`  // longest silence between two signs of life; 0 if it was there on one day only
	Last time.Time `yaml:"last,omitempty"` // sign of life
}

// A Decision is what a person has decided of a client, a network or an app.
type Decision struct {
	App     string `yaml:"app,omitempty"`
	Client  string `yaml:"client,omitempty"`
	Network string `yaml:"network,omitempty"` // of strangers, such as 192.0.2.0/24
	By      string `yaml:"by"`
	Since   Date   `yaml:"since"`
	Until   Date   `yaml:"until"` // holds to the end of this day
	Reason  string `yaml:"reason,omitempty"`
}

// Holds reports whether the decision counts at a moment.
func (d *Decision) Holds(now time.Time) bool { return !d.Since.After(now) && d.Until.End().After(now) }

// Prefix is the network that the decision is about; ok is false if it names none.
func (d *Decision) Prefix() (prefix netip.Prefix, ok bool) {
	prefix, err := netip.ParsePrefix(d.Network)
	return prefix.Masked(), err == nil
}

// A Date is a day in UTC, written 2006-01-02.
type Date string

// DateOf is the day of a moment.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// MarshalYAML implements [yaml.Marshaler]: a date needs no quotes.
func (d Date) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: string(d)}, nil
}

// After reports whether the day begins after a moment.
func (d Date) After(t time.Time) bool { return d.start().After(t) }

// End is the end of the day, which is the beginning of the next.
func (d Date) End() time.Time { return d.start().AddDate(0, 0, 1) }

// start is the beginning of the day; the schema has made sure that it is one.
func (d Date) start() time.Time {
	start, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return start
}

// DecodeInventory reads an inventory file.
func DecodeInventory(doc *Document) (*Inventory, error) {
	inventory := &Inventory{}
	checked, err := decodeYAML(doc, KindInventory, inventory)
	if err != nil {
		return nil, err
	}
	return inventory, inventory.check(doc, checked)
}

// check reports what the schema cannot say: what each kind of decision is about.
func (i *Inventory) check(doc *Document, checked *Checked) error {
	var errs []error
	fault := func(pointer, message, remedy string) {
		_, span := checked.Place(pointer)
		errs = append(errs, &Fault{Path: doc.Path, Span: span, Message: message, Remedy: remedy})
	}
	seen := map[string]bool{}
	for n, c := range i.Clients {
		id := strings.ToLower(c.App) + "\x00" + c.Client
		if seen[id] {
			fault(fmt.Sprintf("/clients/%d/client", n), "this client of this app is listed twice", "keep one of the two")
		}
		seen[id] = true
	}
	for _, list := range []struct {
		name      string
		decisions []Decision
		about     func(*Decision) bool
		remedy    string
	}{
		{"attestations", i.Attestations, (*Decision).namesClient, "name one with app and client"},
		{"waivers", i.Waivers, (*Decision).namesClient, "name one with app and client"},
		{"strangers", i.Strangers, (*Decision).namesStranger, "name one of client and network, and an app if it is about one only"},
		{"approvals", i.Approvals, (*Decision).namesApp, "name an app, and nothing else"},
	} {
		for n := range list.decisions {
			d, at := &list.decisions[n], fmt.Sprintf("/%s/%d", list.name, n)
			if !list.about(d) {
				fault(at, fmt.Sprintf("this line of %s does not say what it is about", list.name), list.remedy)
			}
			if strings.Compare(string(d.Until), string(d.Since)) < 0 {
				fault(at+"/until", "until is before since", "name the last day on which it holds")
			}
		}
	}
	return errors.Join(errs...)
}

func (d *Decision) namesClient() bool { return d.App != "" && d.Client != "" && d.Network == "" }

func (d *Decision) namesApp() bool { return d.App != "" && d.Client == "" && d.Network == "" }

func (d *Decision) namesStranger() bool {
	if d.Network == "" {
		return d.Client != ""
	}
	_, ok := d.Prefix()
	return ok && d.Client == ""
}

// Encode writes the inventory as YAML. The same inventory gives the same bytes.
func (i *Inventory) Encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(i), enc.Close()); err != nil {
		return nil, fmt.Errorf("encode inventory: %w", err)
	}
	return buf.Bytes(), nil
}
