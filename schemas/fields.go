package schemas

// Fields lists the names of the fields of the mapping at a JSON pointer, in
// order; those without a value are left out.
func (c *Checked) Fields(pointer string) []string {
	it := find(c.root, pointer)
	if it == nil || it.fields == nil {
		return nil
	}
	return it.fields.names()
}
