#pragma once
// Handlers of log streams.

#include "services/logs/service.h"
#include "services/operation_table.h"
#include "wire/generated/logs.h"

namespace hearth::services::logs {

wire::Outcome<wire::logs::CreateLogStream::Reply> create_log_stream(Service&, const RequestContext&,
                                                                    wire::logs::CreateLogStreamRequest);
net::Task<wire::Outcome<wire::logs::DeleteLogStream::Reply>> delete_log_stream(Service&, const RequestContext&,
                                                                               wire::logs::DeleteLogStreamRequest);
net::Task<wire::Outcome<wire::logs::DescribeLogStreams::Reply>> describe_log_streams(
    Service&, const RequestContext&, wire::logs::DescribeLogStreamsRequest);

}  // namespace hearth::services::logs
