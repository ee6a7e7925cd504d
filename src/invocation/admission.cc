#include "invocation/admission.h"

#include "invocation/invoker.h"

namespace hearth::invocation {

Result<AdmissionTicket> Admission::admit(const std::string& account) {
  std::shared_ptr<AdmissionTicket::Count>& in_use = accounts_[account];
  if (!in_use) in_use = std::make_shared<AdmissionTicket::Count>(0);
  if (*in_use >= account_limit_) return fail(ErrorKind::kThrottled, "Rate Exceeded.");
  return AdmissionTicket(in_use);
}

Status Admission::check(const std::string& account) const {
  if (in_use(account) >= account_limit_) return fail(ErrorKind::kThrottled, "Rate Exceeded.");
  return {};
}

std::uint32_t Admission::in_use(const std::string& account) const {
  const auto found = accounts_.find(account);
  return found == accounts_.end() ? 0 : found->second->load();
}

}  // namespace hearth::invocation
