# SPDX-License-Identifier: Apache-2.0
"""What an operator does to Kafka, by Kafka's own tools from the broker's jars and by kcat."""
import os

from . import services

TOPICS = "org.apache.kafka.tools.TopicCommand"


def tool(main_class, *arguments):
    jars = os.path.join(services.environment("DAYBOOK_TEST_KAFKA_HOME"), "*")
    java = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", jars, main_class]
    return services.run([*java, "--bootstrap-server", services.brokers(), *arguments])


def delete_topic(topic):
    tool(TOPICS, "--delete", "--topic", topic)


def create_topic(topic, partitions):
    tool(TOPICS, "--create", "--topic", topic, "--partitions", str(partitions))


def grow_topic(topic, partitions):
    tool(TOPICS, "--alter", "--topic", topic, "--partitions", str(partitions))


def bury(topic, key):
    """Writes a tombstone: the topic has no value for this key any more."""
    arguments = ["kcat", "-b", services.brokers(), "-P", "-t", topic, "-K", "\t", "-Z"]
    services.run(arguments, stdin=f"{key}\t\n".encode())
