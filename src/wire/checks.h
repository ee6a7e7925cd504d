#pragma once
// Checks that a service makes itself, after the front end found the request well-formed; the overlays name them.
//
// Each returns what the request is answered with, or nothing.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/aws_error.h"
#include "wire/service_model.h"

namespace hearth::wire {

// `value` is one of `values` or begins like an ARN.
std::optional<AwsError> check_values_or_arn(const std::string& value, std::string_view member,
                                            std::span<const std::string_view> values, const ErrorShape& error);
// `value` is none of `retired`. "{value}" in `message` stands for it.
std::optional<AwsError> check_retired(const std::string& value, std::span<const std::string_view> retired,
                                      std::string_view message, const ErrorShape& error);
// The name itself, in whatever form `value` gives it (name, partial or full ARN), has at most `max` characters.
std::optional<AwsError> check_function_name_length(const std::string& value, std::string_view member, std::size_t max,
                                                   const ErrorShape& error);
std::optional<AwsError> check_max_size(std::size_t size, std::size_t max, std::string_view message,
                                       const ErrorShape& error);
// The JSON text of `variables` has at most `max` bytes. "{value}" in `message` stands for that text.
std::optional<AwsError> check_environment_size(const std::map<std::string, std::string>& variables, std::size_t max,
                                               std::string_view message, const ErrorShape& error);
std::optional<AwsError> check_min_value(std::int64_t value, std::int64_t min, std::string_view message,
                                        const ErrorShape& error);

}  // namespace hearth::wire
