#pragma once
// LayerShelf: what layers mean: published, looked up, and put together for a function.
//
// A layer of another account or region is there when its owner's policy allows the use of it, or when a copy of it was
// imported (layer_import.h): whoever asks for the ARN next takes in the copy that was left there.
//
// Path: services/lambda/service.cc, layer_handlers.cc -> here -> functions/layers.h, functions/code_store.h
// Tests: layer_handlers_test.cc

#include <string>
#include <vector>

#include "base/result.h"
#include "functions/code_store.h"
#include "functions/layers.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"
#include "observe/log.h"
#include "services/lambda/layer_names.h"
#include "services/request_context.h"
#include "storage/store.h"

namespace hearth::services::lambda {

// What the shelf is made of; everything outlives it.
struct LayerParts {
  net::Loop& loop;
  net::ThreadPool& pool;
  storage::Store& store;
  functions::LayerRegistry& layers;
  functions::CodeStore& codes;
  const observe::Logger& log;
  std::string imports;  // the folder of layer_import.h; it may be missing
};

// Thread: the loop's.
class LayerShelf {
 public:
  explicit LayerShelf(LayerParts parts) : parts_(std::move(parts)) {}

  struct NewLayer {
    LayerRef ref;
    std::string zip;
    std::string description;
    std::string license;
    std::vector<std::string> runtimes;
    std::vector<std::string> architectures;
  };
  // Errors: functions::ErrorKind::kBadPackage, kTooLarge, storage::ErrorKind.
  net::Task<Result<functions::LayerSnapshot>> publish(NewLayer wanted);

  // The version for a caller who wants to see it. Errors: ErrorKind::kNotFound, kAccessDenied (another account's).
  net::Task<Result<functions::LayerSnapshot>> get(const RequestContext& context, LayerRef ref);

  // The content of a function with these layers. Errors: ErrorKind::kInvalidParameter, kAccessDenied, as AWS words
  // them; for a layer from elsewhere they end with the command that imports it.
  net::Task<Result<std::vector<functions::LayerUse>>> resolve(const RequestContext& context,
                                                              std::vector<std::string> arns);
  // 250 MB unpacked, layers and code together. Errors: ErrorKind::kInvalidParameter.
  Status check_size(const functions::CodePackage& code, const std::vector<functions::LayerUse>& layers) const;

  functions::LayerRegistry& registry() { return parts_.layers; }

 private:
  // The version, taken in first if it was imported; nullptr if there is none.
  net::Task<Result<functions::LayerSnapshot>> find(LayerRef ref);
  net::Task<Result<functions::LayerSnapshot>> take_in(LayerRef ref, std::string path);

  LayerParts parts_;
};

}  // namespace hearth::services::lambda
