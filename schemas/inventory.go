package schemas

// An Inventory lists the clients that should exist.
type Inventory struct {
	Version int               `yaml:"version"`
	Clients []InventoryClient `yaml:"clients"`
}

// An InventoryClient is one expected caller of an app.
type InventoryClient struct {
	App    string `yaml:"app"`
	Client string `yaml:"client"` // as the event log names it
}

// DecodeInventory reads an inventory file.
func DecodeInventory(doc *Document) (*Inventory, error) {
	inventory := &Inventory{}
	if _, err := decodeYAML(doc, KindInventory, inventory); err != nil {
		return nil, err
	}
	return inventory, nil
}
