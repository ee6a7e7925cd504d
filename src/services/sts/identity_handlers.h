#pragma once
// Handlers of STS: the caller's identity, and temporary credentials.

#include "services/operation_table.h"
#include "services/sts/service.h"
#include "wire/generated/sts.h"

namespace hearth::services::sts {

wire::Outcome<wire::sts::GetCallerIdentity::Reply> get_caller_identity(Service&, const RequestContext&,
                                                                       wire::sts::GetCallerIdentity::Request);
wire::Outcome<wire::sts::AssumeRole::Reply> assume_role(Service&, const RequestContext&,
                                                        wire::sts::AssumeRole::Request);
wire::Outcome<wire::sts::GetSessionToken::Reply> get_session_token(Service&, const RequestContext&,
                                                                   wire::sts::GetSessionToken::Request);
wire::Outcome<wire::sts::GetAccessKeyInfo::Reply> get_access_key_info(Service&, const RequestContext&,
                                                                      wire::sts::GetAccessKeyInfo::Request);

}  // namespace hearth::services::sts
