#pragma once
// The subcommands of `hearth`, each from checked settings to an exit status.

#include "config/load.h"

namespace hearth::main {

// Runs until the server ends; returns the exit status. What goes wrong is one sentence on standard error.
int serve_command(const config::Loaded& settings);

// Makes the data folder and a root access key, written to a file that only the caller can read. Returns the status.
int init_command(const config::Loaded& settings);

// `hearth runtime ...`. Works while a server runs on the same data folder.
int runtime_command(const config::Loaded& settings, const std::vector<std::string>& arguments);

// `hearth layer import FILE --arn ARN`. Works while a server runs on the same data folder.
int layer_import_command(const config::Loaded& settings, const std::string& file, const std::string& arn);

// Adds a new first key to the key file. Works while a server runs, which goes on with the former until it is restarted.
int rotate_key_command(const config::Loaded& settings);

}  // namespace hearth::main
