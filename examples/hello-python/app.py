import logging

logger = logging.getLogger()
logger.setLevel("INFO")

greeted = 0


def handler(event, context):
    # Globals stay while the environment is warm.
    global greeted
    greeted += 1
    logger.info("greeting %s, number %d of this environment", event["name"], greeted)
    print("what is printed is a log line too")
    return {
        "message": "Hello, %s!" % event["name"],
        "function": context.function_name,
        "in_time": context.get_remaining_time_in_millis() > 0,
    }
