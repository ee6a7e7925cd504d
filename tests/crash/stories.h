#pragma once
// Stories: what a server, its key file, `hearth init`, `hearth layer import` and `hearth runtime add` do on disk, told
// on a disk that loses power.
//
// tell() goes on until the disk refuses something, noting what was acknowledged. Then the test cuts the power, and
// problems() opens everything again on a disk that works and compares: what was acknowledged must be there, nothing may
// be there by half, and everything must open. An empty list is the promise kept.
//
// Tests: power_cut_test.cc

#include <memory>
#include <string>
#include <vector>

#include "storage/faulty_disk.h"

namespace hearth::crash {

class Story {
 public:
  virtual ~Story() = default;
  virtual void tell(storage::FaultyDisk& disk) = 0;
  virtual std::vector<std::string> problems() = 0;
};

// Each in a folder of its own. A new data folder two folders deep; rows until tables are written and merged; packages,
// asynchronous events, log groups written and deleted; the CA; and a restart in the middle.
std::unique_ptr<Story> server_story();
// The key file, made and rotated.
std::unique_ptr<Story> key_file_story();
// `hearth init`.
std::unique_ptr<Story> root_key_story();
// `hearth layer import` of a package and then of another under the same ARN.
std::unique_ptr<Story> layer_import_story();
// `hearth runtime add` of one release and then of the next, from a made-up npm.
std::unique_ptr<Story> runtime_story();

}  // namespace hearth::crash
