#pragma once
// Handlers of log events: put, read one stream, search a group.

#include "services/logs/service.h"
#include "services/operation_table.h"
#include "wire/generated/logs.h"

namespace hearth::services::logs {

net::Task<wire::Outcome<wire::logs::PutLogEvents::Reply>> put_log_events(Service&, const RequestContext&,
                                                                         wire::logs::PutLogEventsRequest);
net::Task<wire::Outcome<wire::logs::GetLogEvents::Reply>> get_log_events(Service&, const RequestContext&,
                                                                         wire::logs::GetLogEventsRequest);
net::Task<wire::Outcome<wire::logs::FilterLogEvents::Reply>> filter_log_events(Service&, const RequestContext&,
                                                                               wire::logs::FilterLogEventsRequest);

}  // namespace hearth::services::logs
