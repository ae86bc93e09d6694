package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// An Input is all that a plan is made from. Policy, Inventory and
// Evidence may be nil.
type Input struct {
	Now       time.Time
	Policy    *schemas.Policy
	Rollout   *schemas.Rollout
	Earlier   []*schemas.Rollout // that have to enforce an app first
	Inventory *schemas.Inventory
	Evidence  *Evidence
	Secrets   map[string]error // by subject, see [CheckSecrets]
	Retire    []string         // subjects that are to be retired beside other enforcing keys

	Target *schemas.PlanTarget // the keys as a target has them, see [TargetImage]; nil if there is none

	digest string // of the rollout as the file has it, which nodes tell
	whole  bool   // the gate keeps all that it knows of each client
	room   int    // for clients, see [gateRoom]; 0 but in tests
}

// CheckSecrets tries the reference of every subject that may not be loaded yet.
// The result holds nil where it leads to a secret.
func CheckSecrets(rollout *schemas.Rollout, source schemas.SecretSource) map[string]error {
	found := map[string]error{}
	for name, subject := range rollout.Subjects {
		if !schemas.IsTLSSubject(name) && (subject.Mode == schemas.ModeDisabled || subject.Then == schemas.ModeDisabled) {
			_, found[name] = source.Resolve(subject.Secret)
		}
	}
	return found
}

func (in *Input) setDefaults() {
	if in.Policy == nil {
		in.Policy = &schemas.Policy{}
	}
	if in.Inventory == nil {
		in.Inventory = &schemas.Inventory{}
	}
	if in.Evidence == nil {
		in.Evidence = &Evidence{}
	}
	if in.digest == "" {
		in.digest = in.Rollout.Digest()
	}
}

// lastYear is the last one in which a plan can be made: what follows from its
// time, such as when it expires, must have a text, which ends with 9999.
const lastYear = 9000

// check makes sure that the inputs belong together, and returns their tier.
func (in *Input) check() (schemas.Tier, error) {
	environment := in.Rollout.Environment
	tier, err := schemas.AgreeOnTier(
		schemas.TierClaim{Source: "the policy", Tier: in.Policy.Environments[environment].Tier},
		schemas.TierClaim{Source: "the rollout", Tier: in.Rollout.Tier})
	switch {
	case err != nil:
		return "", fmt.Errorf("environment %s: %w", printable(environment), err)
	case in.Evidence.Environment != "" && in.Evidence.Environment != environment:
		return "", schemas.Hint(fmt.Errorf("the logs are of environment %s, the rollout is of %s",
			printable(in.Evidence.Environment), printable(environment)), "give the logs of the rollout's environment")
	case in.Now.UTC().Year() > lastYear:
		return "", schemas.Hint(fmt.Errorf("it is not after the year %d yet", lastYear), "check the clock, or --now")
	}
	if err := in.checkEarlier(tier); err != nil {
		return "", err
	}
	return tier, in.checkInventory()
}

// checkInventory catches apps that are almost called like one of the rollout:
// their clients would not be waited for. Any other app is of other rollouts,
// and so is one whose near neighbour has clients of its own.
func (in *Input) checkInventory() error {
	var names []string
	rolledOut := map[string]bool{}
	for _, subject := range in.Rollout.Names() {
		name, id := appOf(subject)
		names, rolledOut[id] = append(names, name), true
	}
	clients := sortedInventory(in.Inventory).Clients
	known := map[string]bool{}
	for _, c := range clients {
		_, id := appOf("key/" + c.App)
		known[id] = true
	}
	for _, c := range clients {
		if _, id := appOf("key/" + c.App); rolledOut[id] {
			continue
		}
		near, ok := schemas.Nearest(c.App, names)
		if _, id := appOf("key/" + near); ok && !known[id] {
			return schemas.Hint(fmt.Errorf("the inventory names app %s, which the rollout does not list", printable(c.App)),
				fmt.Sprintf("did you mean %s? clients of other apps belong in another inventory if the names are so close", near))
		}
	}
	return nil
}

// digests identify the inputs. A zero version means that a document was not given.
func (in *Input) digests() (schemas.PlanInputs, error) {
	inputs := schemas.PlanInputs{Rollout: in.Rollout.Digest(), Retire: slices.Compact(slices.Sorted(slices.Values(in.Retire)))}
	for _, earlier := range in.Earlier {
		inputs.After = append(inputs.After, earlier.Digest())
	}
	var err error
	if inputs.Evidence, err = in.Evidence.Digest(); err != nil {
		return inputs, err
	}
	if len(in.Secrets) > 0 {
		if inputs.Secrets, err = digest("secrets", secretStates(in.Secrets)); err != nil {
			return inputs, err
		}
	}
	if in.Policy.Version != 0 {
		if inputs.Policy, err = digest("policy", in.Policy); err != nil {
			return inputs, err
		}
	}
	if in.Inventory.Version != 0 {
		inputs.Inventory, err = digest("inventory", sortedInventory(in.Inventory))
	}
	return inputs, err
}

// secretStates says of each secret that was looked for what was wrong, if anything.
func secretStates(secrets map[string]error) map[string]string {
	states := map[string]string{}
	for subject, err := range secrets {
		states[subject] = ""
		if err != nil {
			states[subject] = err.Error()
		}
	}
	return states
}

// digest identifies what a document says, not how it is written.
func digest(name string, value any) (string, error) {
	text, err := json.Marshal(value) // maps are written in order
	if err != nil {
		return "", fmt.Errorf("digest %s: %w", name, err)
	}
	return schemas.Digest(text), nil
}

func sortedInventory(inventory *schemas.Inventory) *schemas.Inventory {
	sorted := *inventory
	sorted.Clients = slices.Clone(inventory.Clients)
	slices.SortStableFunc(sorted.Clients, func(a, b schemas.InventoryClient) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Client, b.Client))
	})
	for _, list := range []*[]schemas.Decision{&sorted.Attestations, &sorted.Waivers, &sorted.Strangers, &sorted.Approvals} {
		*list = slices.Clone(*list)
		slices.SortFunc(*list, func(a, b schemas.Decision) int {
			return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Network, b.Network),
				cmp.Compare(a.By, b.By), cmp.Compare(a.Since, b.Since), cmp.Compare(a.Until, b.Until), cmp.Compare(a.Reason, b.Reason))
		})
	}
	return &sorted
}
