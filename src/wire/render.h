#pragma once
// How AWS's messages show values and constraints: as Java prints them.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "wire/rules.h"

namespace hearth::wire {

// [a, b] for lists, {k=v} for maps; numbers of a floating-point element as 2.0.
std::string render(const boost::json::value& value, const Rules& rules);

// Every constraint of `rules`, joined by ", ", as the message about an element of a list or map lists them.
std::string join_constraints(const Rules& rules, Measure measure, Nulls nulls);

// "NUMBER_VALUE": the kind of a JSON value as deserialisation faults name it.
std::string_view token_name(const boost::json::value& value);
// "class java.lang.String".
std::string java_class(const boost::json::value& value);

}  // namespace hearth::wire
