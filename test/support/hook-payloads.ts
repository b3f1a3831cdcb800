const at = '2026-03-01T12:00:00Z';
const digest = `sha256:${'8'.repeat(64)}`;
const split = (repository: string) => repository.split('/') as [owner: string, name: string];
const user = (login: string) => ({ id: 1, login, type: 'Organization', site_admin: false });

/** A push of `<owner>/<name>` as each product reports it in its own documentation. */
export const hookPayloads = {
  /** distribution.github.io, "Work with notifications". */
  distribution: (repository: string, id = 'asdf-asdf-asdf-asdf-0') => ({
    events: [
      {
        id,
        timestamp: at,
        action: 'push',
        target: {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          length: 708,
          size: 708,
          digest,
          repository,
          url: `http://registry.example.com/v2/${repository}/manifests/${digest}`,
          tag: 'v1.0.0',
        },
        request: {
          id: '6df24a34-0959-4923-81ca-14f09767db19',
          addr: '192.168.64.11:42961',
          host: 'registry.example.com',
          method: 'PUT',
          useragent: 'oras/1.2.0',
        },
        actor: {},
        source: { addr: 'registry:5000', instanceID: 'a53db899-3b4b-4a62-a067-8dd013beaca4' },
      },
    ],
  }),

  /** goharbor.io, "Configure webhook notifications", format Default. */
  harbor(repo_full_name: string) {
    const [namespace, name] = split(repo_full_name);
    const resource_url = `harbor.example.com/${repo_full_name}:v1.0.0`;

    return {
      type: 'PUSH_ARTIFACT',
      occur_at: 1772366400,
      operator: 'admin',
      event_data: {
        resources: [{ digest, tag: 'v1.0.0', resource_url }],
        repository: {
          date_created: 1772366400,
          name,
          namespace,
          repo_full_name,
          repo_type: 'private',
        },
      },
    };
  },

  /** The same page, format CloudEvents. */
  harborCloudEvent(repo_full_name: string) {
    const { event_data } = hookPayloads.harbor(repo_full_name);
    return {
      specversion: '1.0',
      id: '4b2f89a6-548d-4c12-9993-a1f5790b97d2',
      source: '/projects/1/webhook/policies/1',
      type: 'harbor.artifact.pushed',
      datacontenttype: 'application/json',
      time: at,
      requestid: 'req-1',
      operator: 'admin',
      data: event_data,
    };
  },

  /** Gitea's PackagePayload. */
  gitea(repository: string) {
    const [owner, name] = split(repository);
    return {
      action: 'created',
      repository: null,
      package: {
        id: 7,
        owner: user(owner),
        repository: null,
        creator: user('alice'),
        type: 'container',
        name,
        version: 'v1.0.0',
        html_url: `https://gitea.example.com/${owner}/-/packages/container/${name}/v1.0.0`,
        created_at: at,
      },
      organization: user(owner),
      sender: user('alice'),
    };
  },

  /** Powernode's templates/module-repo/.gitea/workflows/build.yaml, "Notify Powernode webhook". */
  powernodeWorkflow(artifact: string) {
    return {
      repository: { full_name: 'Team/my-redis' },
      ref: 'refs/tags/v1.0.0',
      artifact,
      fingerprint: 'f'.repeat(64),
    };
  },

  /** docs.github.com, "Webhook events and payloads", package. */
  github(repository: string) {
    const [owner, name] = split(repository);
    return {
      action: 'published',
      package: {
        id: 10696,
        name,
        namespace: owner,
        description: '',
        ecosystem: 'CONTAINER',
        package_type: 'CONTAINER',
        html_url: `https://github.com/orgs/${owner}/packages/container/package/${name}`,
        created_at: at,
        updated_at: at,
        owner: user(owner),
        package_version: {
          id: 22,
          version: digest,
          name: digest,
          container_metadata: { tag: { name: 'v1.0.0', digest }, labels: {}, manifest: {} },
          package_url: `ghcr.io/${repository}:v1.0.0`,
        },
        registry: {
          about_url:
            'https://docs.github.com/packages/learn-github-packages/introduction-to-github-packages',
          name: 'GitHub CONTAINER registry',
          type: 'CONTAINER',
          url: 'https://ghcr.io',
          vendor: 'GitHub Inc',
        },
      },
      organization: user(owner),
      sender: user('alice'),
    };
  },

  /** The same page, registry_package. */
  githubRegistryPackage(repository: string) {
    const {
      action,
      package: registry_package,
      organization,
      sender,
    } = hookPayloads.github(repository);
    return { action, registry_package, organization, sender };
  },
};
