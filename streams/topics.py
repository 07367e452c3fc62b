"""Creates the Kafka topics, or says in what they differ from what is needed."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from aedilis.errors import ServerError, TopicError
from aedilis.settings import Settings
from aedilis.topics import ALL

SEEN_SECONDS = 30.0
"""So long the brokers have to learn of new topics: the controller answers before they know."""


async def create(settings: Settings) -> list[str]:
    """Create what is missing, on three brokers where there are so many. Returns the names created.

    Raises:
        TopicError: a topic exists with another number of partitions, or the broker refused to create it.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        mend = "is it running? `aedilis servers status`"
        raise ServerError(server="kafka", problem=f"{settings.kafka}: {error}", mend=mend) from error
    try:
        existing = set(await admin.list_topics())
        wanted = {settings.topic(topic.name): topic for topic in ALL}
        found = [name for name in wanted if name in existing]
        for description in await admin.describe_topics(found) if found else []:
            name, partitions = description["topic"], len(description["partitions"])
            if partitions != wanted[name].partitions:
                raise TopicError(
                    topic=name,
                    expected=f"{wanted[name].partitions} partitions",
                    got=partitions,
                    mend="delete the topic, or set AEDILIS_KAFKA_PREFIX to use topics of your own",
                )
        missing = [name for name in wanted if name not in existing]
        if not missing:
            return []
        replication = min(3, len((await admin.describe_cluster())["brokers"]))
        response = await admin.create_topics(
            [
                NewTopic(name, wanted[name].partitions, replication, topic_configs=wanted[name].config)
                for name in missing
            ]
        )
        for name, code, *rest in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise TopicError(topic=name, expected="to be created", got=rest or code, mend="see the broker's log")
        await _seen(admin, set(missing))
        return missing
    finally:
        await admin.close()


async def _seen(admin: AIOKafkaAdminClient, created: set[str]) -> None:
    """Wait until a process that starts now finds them."""
    for _ in range(int(SEEN_SECONDS / 0.1)):
        missing = created - set(await admin.list_topics())
        if not missing:
            return
        await asyncio.sleep(0.1)
    raise TopicError(
        topic=min(missing), expected="to be known to the broker", got="nothing", mend="see the broker's log"
    )
