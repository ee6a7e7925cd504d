#pragma once
// Handlers of managed policies: their life, versions and tags.

#include "services/iam/service.h"
#include "services/operation_table.h"
#include "wire/generated/iam.h"

namespace hearth::services::iam {

wire::Outcome<wire::iam::CreatePolicy::Reply> create_policy(Service&, const RequestContext&,
                                                            wire::iam::CreatePolicy::Request);
wire::Outcome<wire::iam::GetPolicy::Reply> get_policy(Service&, const RequestContext&, wire::iam::GetPolicy::Request);
wire::Outcome<wire::iam::DeletePolicy::Reply> delete_policy(Service&, const RequestContext&,
                                                            wire::iam::DeletePolicy::Request);
wire::Outcome<wire::iam::ListPolicies::Reply> list_policies(Service&, const RequestContext&,
                                                            wire::iam::ListPolicies::Request);
wire::Outcome<wire::iam::CreatePolicyVersion::Reply> create_policy_version(Service&, const RequestContext&,
                                                                           wire::iam::CreatePolicyVersion::Request);
wire::Outcome<wire::iam::GetPolicyVersion::Reply> get_policy_version(Service&, const RequestContext&,
                                                                     wire::iam::GetPolicyVersion::Request);
wire::Outcome<wire::iam::DeletePolicyVersion::Reply> delete_policy_version(Service&, const RequestContext&,
                                                                           wire::iam::DeletePolicyVersion::Request);
wire::Outcome<wire::iam::ListPolicyVersions::Reply> list_policy_versions(Service&, const RequestContext&,
                                                                         wire::iam::ListPolicyVersions::Request);
wire::Outcome<wire::iam::SetDefaultPolicyVersion::Reply> set_default_policy_version(
    Service&, const RequestContext&, wire::iam::SetDefaultPolicyVersion::Request);
wire::Outcome<wire::iam::TagPolicy::Reply> tag_policy(Service&, const RequestContext&, wire::iam::TagPolicy::Request);
wire::Outcome<wire::iam::UntagPolicy::Reply> untag_policy(Service&, const RequestContext&,
                                                          wire::iam::UntagPolicy::Request);
wire::Outcome<wire::iam::ListPolicyTags::Reply> list_policy_tags(Service&, const RequestContext&,
                                                                 wire::iam::ListPolicyTags::Request);
wire::Outcome<wire::iam::ListEntitiesForPolicy::Reply> list_entities_for_policy(
    Service&, const RequestContext&, wire::iam::ListEntitiesForPolicy::Request);
wire::Outcome<wire::iam::ListAccountAliases::Reply> list_account_aliases(Service&, const RequestContext&,
                                                                         wire::iam::ListAccountAliases::Request);

}  // namespace hearth::services::iam
