#pragma once
// Handlers of the policy simulator: what policies would let somebody do, by the function that decides about requests.

#include "services/iam/service.h"
#include "services/operation_table.h"
#include "wire/generated/iam.h"

namespace hearth::services::iam {

wire::Outcome<wire::iam::SimulateCustomPolicy::Reply> simulate_custom_policy(Service&, const RequestContext&,
                                                                             wire::iam::SimulateCustomPolicy::Request);
wire::Outcome<wire::iam::SimulatePrincipalPolicy::Reply> simulate_principal_policy(
    Service&, const RequestContext&, wire::iam::SimulatePrincipalPolicy::Request);

}  // namespace hearth::services::iam
