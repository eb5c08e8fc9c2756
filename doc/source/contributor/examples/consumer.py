# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Tell of images that became current."""

# start
import sys
import time

import oslo_messaging
from oslo_config import cfg


class Promoted:
    """What oslo.messaging calls for each notification of priority INFO."""

    filter_rule = oslo_messaging.NotificationFilter(
        event_type=r'^image_pipeline\.image\.(promote|rollback)\.end$'
    )

    def info(self, context, publisher_id, event_type, payload, metadata):
        """Print the name, the target and the id of the image."""
        if payload['version'].split('.')[0] != '1':
            return
        image = payload['data']
        sys.stdout.write(f'{image["name"]} {image["target"]} {image["id"]}\n')
        sys.stdout.flush()


def main(url):
    """Listen, for ever."""
    transport = oslo_messaging.get_notification_transport(
        cfg.ConfigOpts(), url=url
    )
    target = oslo_messaging.Target(
        topic='notifications', exchange='image-pipeline'
    )
    server = oslo_messaging.get_notification_listener(
        transport, [target], [Promoted()], pool='tell-of-images'
    )
    server.start()
    while True:
        time.sleep(60)


if __name__ == '__main__':
    main(sys.argv[1])
