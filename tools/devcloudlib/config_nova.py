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


"""The configuration of Nova's and Neutron's services."""

from devcloudlib import options

#: The name of the only compute host, everywhere.
HOST = 'devcloud'
#: The physical network of Neutron, and its interface in the cloud.
PHYSICAL, BRIDGED = 'provider', 'prov1'


def nova(facts: options.Facts) -> options.Sections:
    """Give the configuration of any of Nova's services.

    :param facts: what it is made of.
    """
    state = facts.cloud.state
    helper = {'helper_command': f'privsep-helper --config-file {facts.file}'}
    return {
        'DEFAULT': {
            'use_stderr': True,
            'my_ip': facts.chosen.address,
            'host': HOST,
            'state_path': state / 'nova',
            'instances_path': state / 'nova' / 'instances',
            'transport_url': facts.rabbit,
            'enabled_apis': 'osapi_compute,metadata',
            'osapi_compute_workers': 1,
            'metadata_workers': 1,
            'compute_driver': 'libvirt.LibvirtDriver',
            'force_raw_images': False,
            # Or the first host discovery comes 40 seconds late.
            'periodic_fuzzy_delay': 0,
            # A machine may be busy.
            'vif_plugging_timeout': 300,
            'ram_allocation_ratio': 4,
            'cpu_allocation_ratio': 16,
            'disk_allocation_ratio': 20,
            'reserved_host_memory_mb': 512,
            'resume_guests_state_on_host_boot': False,
            'allow_resize_to_same_host': True,
            'max_concurrent_builds': 2,
        },
        'wsgi': {'api_paste_config': '/usr/share/nova-common/api-paste.ini'},
        'api': {'auth_strategy': 'keystone'},
        'api_database': {'connection': facts.database('nova_api')},
        'database': {'connection': facts.database('nova')},
        'conductor': {'workers': 1},
        'scheduler': {'workers': 1, 'discover_hosts_in_cells_interval': 5},
        'libvirt': {
            # Emulation goes everywhere; another type is an override.
            'virt_type': 'qemu',
            'cpu_mode': 'custom',
            'cpu_models': 'Nehalem',
            'connection_uri': 'qemu:///system',
        },
        'glance': {'api_servers': facts.url(9292), 'num_retries': 2},
        'vnc': {'enabled': False},
        'oslo_concurrency': {'lock_path': state / 'lock'},
        'oslo_policy': facts.policy | facts.new_defaults,
        'nova_sys_admin': helper,
        'privsep_osbrick': helper,
        'vif_plug_linux_bridge_privileged': helper,
        'vif_plug_ovs_privileged': helper,
        'workarounds': {'disable_rootwrap': True},
        'keystone_authtoken': facts.authtoken,
        'placement': facts.client,
        'neutron': facts.client
        | {
            'service_metadata_proxy': True,
            'metadata_proxy_shared_secret': facts.chosen.secrets['metadata'],
        },
        'service_user': facts.client | {'send_service_user_token': True},
    }


def neutron(facts: options.Facts) -> options.Sections:
    """Give the configuration of Neutron's server or any of its agents.

    :param facts: what it is made of.
    """
    state = facts.cloud.state
    return {
        'DEFAULT': {
            'use_stderr': True,
            'state_path': state / 'neutron',
            'transport_url': facts.rabbit,
            'core_plugin': 'ml2',
            'service_plugins': '',
            'host': HOST,
            'api_paste_config': '/usr/share/neutron-common/api-paste.ini',
            'api_workers': 0,
            'rpc_workers': 0,
            'rpc_state_report_workers': 0,
            'send_events_interval': 1,
            'dhcp_agents_per_network': 1,
            'interface_driver': 'linuxbridge',
            'enable_isolated_metadata': True,
            'force_metadata': True,
            'dnsmasq_local_resolv': False,
            'nova_metadata_host': facts.chosen.address,
            'metadata_proxy_shared_secret': facts.chosen.secrets['metadata'],
            'metadata_workers': 0,
            'metadata_proxy_socket_mode': 'all',
        },
        'experimental': {'linuxbridge': True},
        'agent': {
            'root_helper': 'env',
            'report_interval': 4,
            'polling_interval': 1,
        },
        'privsep': {
            'helper_command': f'privsep-helper --config-file {facts.file}'
        },
        'database': {'connection': facts.database('neutron')},
        'oslo_concurrency': {'lock_path': state / 'lock'},
        # Its new defaults do not let Nova bind a port of somebody else.
        'oslo_policy': facts.policy
        | {'policy_file': facts.cloud.etc / 'neutron-policy.yaml'},
        'ml2': {
            'type_drivers': 'flat,local',
            'tenant_network_types': 'local',
            'mechanism_drivers': 'linuxbridge',
            'extension_drivers': 'port_security',
        },
        'ml2_type_flat': {'flat_networks': PHYSICAL},
        'securitygroup': {
            'enable_security_group': True,
            'firewall_driver': 'iptables',
        },
        'linux_bridge': {
            'physical_interface_mappings': f'{PHYSICAL}:{BRIDGED}'
        },
        'vxlan': {'enable_vxlan': False},
        'keystone_authtoken': facts.authtoken,
        'nova': facts.client,
        'placement': facts.client,
    }


def neutron_policy() -> str:
    """Give the policies that keep a reader from making anything."""
    member = 'rule:admin_only or (role:member and rule:owner)'
    kinds = ('network', 'subnet', 'port')
    groups = ('security_group', 'security_group_rule')
    names = [
        f'{verb}_{kind}'
        for kind in (*kinds, *groups)
        for verb in ('create', 'update', 'delete')
    ]
    return ''.join(f'{name}: "{member}"\n' for name in names)
