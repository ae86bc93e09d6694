// Command agollo runs Apollo's client for Go: agollo URL APP, its secret in
// the environment variable SECRET. It says each value of k that it is told of.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/apolloconfig/agollo/v4"
	"github.com/apolloconfig/agollo/v4/env/config"
)

func main() {
	if err := watch(os.Args[1], os.Args[2], os.Getenv("SECRET")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func watch(url, app, secret string) error {
	client, err := agollo.StartWithConfig(func() (*config.AppConfig, error) {
		return &config.AppConfig{AppID: app, Cluster: "default", IP: url, NamespaceName: "application", Secret: secret}, nil
	})
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	for last := ""; ; time.Sleep(20 * time.Millisecond) {
		if value := client.GetValue("k"); value != last {
			last = value
			fmt.Println("value", value)
		}
	}
}
