// Runs @lvgithub/ctrip-apollo-client: lvgithub.mjs URL APP, its secret in the
// environment variable SECRET. It says each value of k that it is told of.
import { CtripApolloClient } from '@lvgithub/ctrip-apollo-client';

const [metaServerUrl, appId] = process.argv.slice(2);
const client = new CtripApolloClient({
  metaServerUrl,
  appId,
  clusterName: 'default',
  accessKey: process.env.SECRET,
  configPath: `./${appId}.json`,
  onChange: (configs) => console.log('value', configs.application?.configurations.k),
  logger: { error: console.error },
});
client.ready().catch((error) => console.error(error.message));
