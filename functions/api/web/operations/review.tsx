import type {
  ListDifference,
  Review,
  ReviewedChange,
  ReviewFact,
} from '../../../../shared/domain/operations/index.ts';

/** What a reviewer judges by: each change, and the templates and machines that it affects. */
export function ReviewPart({ review }: { review: Review }) {
  const { changes, templates, more_templates, machines, warnings } = review;
  return (
    <>
      {warnings.map((warning) => (
        <p class="bad">{warning}</p>
      ))}
      <h2>Changes</h2>
      {changes.map((change) => (
        <ChangePart change={change} />
      ))}
      <h2>
        Affects {machines} {machines === 1 ? 'machine' : 'machines'}
      </h2>
      <ul>
        {templates.map(({ name, track, machines: count }) => (
          <li>
            template <code>{name}</code>, track {track}: {count}
          </li>
        ))}
        {more_templates > 0 ? <li>and {more_templates} more tracks of templates</li> : null}
        {templates.length === 0 ? <li>no template</li> : null}
      </ul>
    </>
  );
}

function ChangePart({ change }: { change: ReviewedChange }) {
  const { facts, warnings, content } = change;
  return (
    <>
      {warnings.map((warning) => (
        <p class="bad">{warning}</p>
      ))}
      <FactList facts={facts} />
      {content === null ? null : (
        <>
          <Difference name="files" difference={content.files} />
          <Difference name="packages" difference={content.packages} />
          <FactList facts={content.manifest} />
        </>
      )}
    </>
  );
}

function FactList({ facts }: { facts: ReviewFact[] }) {
  return (
    <dl>
      {facts.map(({ name, was, now }) => (
        <>
          <dt>{name}</dt>
          <dd>
            {was === null ? null : (
              <>
                <code>{was}</code> →{' '}
              </>
            )}
            <code>{now ?? 'none'}</code>
          </dd>
        </>
      ))}
    </dl>
  );
}

function Difference({ name, difference }: { name: string; difference: ListDifference }) {
  const { added, removed, changed, more } = difference;
  const rows = [
    ...added.map((one) => ['+', one]),
    ...removed.map((one) => ['-', one]),
    ...changed.map((one) => ['~', one]),
  ];

  return (
    <details>
      <summary>
        {name}: {added.length} added, {removed.length} removed, {changed.length} changed
        {more > 0 ? `, ${more} more not shown` : ''}
      </summary>
      {rows.map(([sign, one]) => (
        <div>
          {sign} <code>{one}</code>
        </div>
      ))}
    </details>
  );
}
