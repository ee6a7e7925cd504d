#pragma once
// Variables: what the first process of an environment finds in its environment, as on AWS.
//
// Three layers, later ones win: defaults (PATH, LANG, ... and those that lead AWS clients home), the function's own,
// and the reserved names, which say what the function is and cannot be overridden.
//
// Tests: variables_test.cc

#include <string>
#include <vector>

#include "environment/doors.h"
#include "environment/runtime_catalog.h"
#include "functions/function.h"

namespace hearth::environment {

// Where the trust bundle lies inside every sandbox.
inline constexpr const char* kTrustBundleInside = "/etc/ssl/certs/ca-certificates.crt";

struct VariableInputs {
  const functions::FunctionVersion& function;
  const RuntimeChoice& runtime;
  const RoleCredentials& credentials;
  std::string log_stream;
  std::string locale;  // host_locale()
};

// "NAME=value", in order of names. Values cannot hold NUL: what follows one is cut off, as any exec would.
std::vector<std::string> variables(const VariableInputs& inputs);

// AWS's "en_US.UTF-8" where this machine has it, else "C.UTF-8": an unknown one makes programs complain.
std::string host_locale();

}  // namespace hearth::environment
