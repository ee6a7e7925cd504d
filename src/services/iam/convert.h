#pragma once
// From what IAM keeps to what its replies show. Documents are percent-encoded in replies, as AWS does.

#include <optional>
#include <string>
#include <vector>

#include "services/iam/model.h"
#include "wire/generated/iam.h"

namespace hearth::services::iam {

std::vector<wire::iam::Tag> to_wire(const Tags& tags);
Tags from_wire(const std::optional<std::vector<wire::iam::Tag>>& tags);
// Lists leave out tags and the permissions boundary; single reads have them.
enum class Detail : std::uint8_t { kListed, kFull };
wire::iam::Role to_wire(const Role& role, Detail detail);
wire::iam::User to_wire(const User& user, Detail detail);
wire::iam::Policy to_wire(const Policy& policy, std::int32_t attachments, Detail detail);
enum class WithDocument : std::uint8_t { kNo, kYes };
wire::iam::PolicyVersion to_wire(const PolicyVersion& version, const Policy& policy, WithDocument document);
// The last part of an ARN's path: a policy's name.
std::string name_of_arn(const std::string& arn);

}  // namespace hearth::services::iam
