import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const sts = new STSClient();

export const handler = async () => {
  const identity = await sts.send(new GetCallerIdentityCommand());
  return { account: identity.Account, arn: identity.Arn };
};
