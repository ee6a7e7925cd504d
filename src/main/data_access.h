#pragma once
// The data folder as subcommands open it, and how they report what went wrong.

#include "base/result.h"
#include "config/config.h"
#include "main/supervisor.h"
#include "storage/data_folder.h"

namespace hearth::main {

enum class CommandError { kNoAccess, kExists, kSystem, kNoIsolation };

// Prints one sentence to standard error; returns the exit status 1.
int report(const Error& error);

struct OpenedFolder {
  ServerUser user;
  storage::DataFolder folder;  // locked, and owned by `user`
};

// Opens or makes the data folder for the server's user. Errors: CommandError::kNoAccess when that user could not reach
// it, SupervisorError::kNoUser, storage::ErrorKind.
Result<OpenedFolder> open_folder(const config::Config& config);

}  // namespace hearth::main
