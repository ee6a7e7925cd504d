#include "services/lambda/layer_shelf.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "services/lambda/errors.h"
#include "services/lambda/layer_import.h"
#include "services/lambda/policy.h"
#include "storage/file_system.h"

namespace hearth::services::lambda {
namespace {

constexpr std::string_view kUse = "lambda:GetLayerVersion";

std::string import_command(const std::string& arn) { return fmt::format("hearth layer import FILE --arn {}", arn); }

// `layer` may be null.
bool may_use(const functions::LayerSnapshot& layer, const std::string& account) {
  if (!layer) return false;
  return layer->origin == functions::LayerOrigin::kImported || layer->key.account == account ||
         (!layer->policy.empty() && allows_account(layer->policy, account));
}

// Why `layer`, which `arn` named, cannot be used by a function. Errors: as LayerShelf::resolve().
Status check_use(const RequestContext& context, const LayerRef& ref, const std::string& arn,
                 const functions::LayerSnapshot& layer) {
  const bool imported = layer && layer->origin == functions::LayerOrigin::kImported;
  const std::string hint = fmt::format(" (To use a copy of it here: {})", import_command(arn));
  if (ref.key.account == context.account) {
    if (ref.key.region != context.region && !imported) {
      return fail(ErrorKind::kInvalidParameter, fmt::format("Layers are not in the same region as the function. Layers "
                                                            "are expected to be in region {}.{}",
                                                            context.region, hint));
    }
    if (layer) return {};
    context.warn(fmt::format("A layer from elsewhere is put here by: {}", import_command(arn)));
    return fail(ErrorKind::kInvalidParameter, fmt::format("Layer version {} does not exist.", arn));
  }
  if (may_use(layer, context.account) && (ref.key.region == context.region || imported)) return {};
  Error denied = layer_denied(context, kUse, arn).error();
  return fail(ErrorKind::kAccessDenied, denied.message() + (layer ? std::string() : hint));
}

}  // namespace

net::Task<Result<functions::LayerSnapshot>> LayerShelf::publish(NewLayer wanted) {
  const ByteCount zipped = parts_.codes.limits().zipped;
  CO_TRY(functions::CodePackage package, co_await parts_.codes.ingest_layer(std::move(wanted.zip), zipped));
  co_return parts_.layers.publish({.key = wanted.ref.key,
                                   .layer_arn = wanted.ref.layer_arn(),
                                   .package = std::move(package),
                                   .description = std::move(wanted.description),
                                   .license = std::move(wanted.license),
                                   .runtimes = std::move(wanted.runtimes),
                                   .architectures = std::move(wanted.architectures),
                                   .created = {},
                                   .policy = {},
                                   .policy_revision = {}});
}

net::Task<Result<functions::LayerSnapshot>> LayerShelf::find(LayerRef ref) {
  functions::LayerSnapshot layer = parts_.layers.find(ref.key, ref.number);
  const bool published = layer && layer->origin == functions::LayerOrigin::kPublished;
  if (published || ref.number == 0 || parts_.imports.empty()) co_return layer;
  std::string path = import_path(parts_.imports, ref);
  auto look = [path] {
    std::error_code error;  // a folder that cannot be read has nothing for us
    return std::filesystem::is_regular_file(path, error);
  };
  const bool waiting = co_await parts_.pool.run(parts_.loop, std::move(look));
  if (!waiting) co_return layer;
  co_return co_await take_in(std::move(ref), std::move(path));
}

net::Task<Result<functions::LayerSnapshot>> LayerShelf::take_in(LayerRef ref, std::string path) {
  auto read = [path] { return storage::FileSystem().read(path); };
  CO_TRY(std::string zip, co_await parts_.pool.run(parts_.loop, std::move(read)));
  const ByteCount zipped = parts_.codes.limits().unpacked;  // one that came by way of S3 may be larger than an upload
  CO_TRY(functions::CodePackage package, co_await parts_.codes.ingest_layer(std::move(zip), zipped));
  CO_TRY(functions::LayerSnapshot layer, parts_.layers.put_imported({.key = ref.key,
                                                                     .number = ref.number,
                                                                     .layer_arn = ref.layer_arn(),
                                                                     .origin = functions::LayerOrigin::kImported,
                                                                     .package = std::move(package),
                                                                     .description = {},
                                                                     .license = {},
                                                                     .runtimes = {},
                                                                     .architectures = {},
                                                                     .created = {},
                                                                     .policy = {},
                                                                     .policy_revision = {}}));
  CO_TRY_STATUS(co_await parts_.store.durable(parts_.store.last_ticket()));
  auto remove = [path] { return storage::FileSystem().remove(path); };
  const Status removed = co_await parts_.pool.run(parts_.loop, std::move(remove));
  // It is taken in again by the next who asks: the same content, nothing lost.
  if (!removed) parts_.log.warn("an imported layer's file stays", {{"error", removed.error().message()}});
  co_return layer;
}

net::Task<Result<functions::LayerSnapshot>> LayerShelf::get(const RequestContext& context, LayerRef ref) {
  LayerRef wanted = ref;
  CO_TRY(functions::LayerSnapshot layer, co_await find(std::move(wanted)));
  if (ref.key.account != context.account && !may_use(layer, context.account)) {
    co_return layer_denied(context, kUse, ref.arn());
  }
  if (!layer) co_return fail(ErrorKind::kNotFound, "The resource you requested does not exist.");
  co_return layer;
}

net::Task<Result<std::vector<functions::LayerUse>>> LayerShelf::resolve(const RequestContext& context,
                                                                        std::vector<std::string> arns) {
  std::vector<functions::LayerUse> layers;
  std::map<std::string, std::string> seen;  // by layer, the version that came first
  for (const std::string& arn : arns) {
    const auto ref = parse_layer_arn(arn);
    if (!ref) co_return fail(ErrorKind::kInvalidParameter, fmt::format("Layer version {} does not exist.", arn));
    LayerRef wanted = *ref;
    CO_TRY(functions::LayerSnapshot layer, co_await find(std::move(wanted)));
    CO_TRY_STATUS(check_use(context, *ref, arn, layer));
    const auto [former, fresh] = seen.emplace(layer->layer_arn, arn);
    if (!fresh) {
      co_return fail(
          ErrorKind::kInvalidParameter,
          fmt::format("Two different versions of the same layer are not allowed to be referenced in the same "
                      "function. {} and {} are versions of the same layer.",
                      former->second, arn));
    }
    layers.push_back({.arn = layer->arn(), .package = layer->package});
  }
  co_return layers;
}

Status LayerShelf::check_size(const functions::CodePackage& code,
                              const std::vector<functions::LayerUse>& layers) const {
  const std::uint64_t most = parts_.codes.limits().unpacked.value;
  std::uint64_t size = 0;
  for (const functions::LayerUse& layer : layers) size += layer.package.unpacked_bytes;
  if (size > most) {
    return fail(ErrorKind::kInvalidParameter,
                fmt::format("Layers consume more than the available size of {} bytes", most));
  }
  size += code.unpacked_bytes;
  if (size > most) {
    return fail(ErrorKind::kInvalidParameter,
                fmt::format("Function code combined with layers exceeds the maximum allowed size of {} bytes. The "
                            "actual size is {} bytes.",
                            most, size));
  }
  return {};
}

}  // namespace hearth::services::lambda
