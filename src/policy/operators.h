#pragma once
// Operators of conditions: their names, and whether one value satisfies one.
//
// Path: document.cc, evaluate.cc -> here        Tests: evaluate_test.cc

#include <optional>
#include <string_view>

#include "base/result.h"
#include "policy/document.h"

namespace hearth::policy {

// The operator, negation, quantifier and IfExists that a name such as "ForAnyValue:StringNotLikeIfExists" spells.
// Errors: ErrorKind::kMalformed.
Result<Condition> parse_operator(std::string_view name);

// How values of operators that compare text are read; nothing for the others.
std::optional<Glob::Wildcards> wildcards_of(Operator op);

// Whether the values of any other operator are of its type. Errors: ErrorKind::kMalformed.
Status check_values(const Condition& condition);

// Whether `given`, of a request, satisfies the operator with `wanted`, a value of the policy; its negation aside. Only
// for operators without wildcards_of(), and not for kNull. What is not of the operator's type satisfies nothing.
bool satisfies(Operator op, std::string_view given, std::string_view wanted);

}  // namespace hearth::policy
