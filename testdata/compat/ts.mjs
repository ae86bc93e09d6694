// Runs ctrip-apollo-client-ts: ts.mjs URL APP, its secret in the environment
// variable SECRET. It says each value of k that it is told of.
import 'reflect-metadata';
import { ApolloConfiguration, Props, createConnection } from 'ctrip-apollo-client-ts';

class Config {
  static k = undefined;
}
Props({ key: 'k' })(Config, 'k');
ApolloConfiguration('application')(Config);

let last;
setInterval(() => {
  if (Config.k !== last) {
    last = Config.k;
    console.log('value', last);
  }
}, 20);

const [configServerUrl, appId] = process.argv.slice(2);
await createConnection({ configServerUrl, appId, secret: process.env.SECRET, namespaces: [Config] });
