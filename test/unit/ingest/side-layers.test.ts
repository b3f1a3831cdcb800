import { describe, expect, it } from 'vitest';
import { boundSideLayers, splitLayers } from '../../../shared/actions/ingest/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { rowBounds } from '../../../shared/base/limits/rows.ts';
import type { SideLayer } from '../../../shared/domain/modules/index.ts';
import { thrownBy } from '../composition/factory.ts';

const layer = (mediaType: string, size = 10) => ({
  mediaType,
  digest: `sha256:${'a'.repeat(64)}`,
  size,
});
const tar = layer('application/vnd.powernode.module.v1+tar');
const sbom = layer('application/vnd.cyclonedx+json');
const vex = layer('application/vnd.cyclonedx.vex+json');

describe('the layers of a module', () => {
  it('are its tar, wherever it stands, and documents', () => {
    expect(splitLayers([sbom, tar, vex])).toEqual({ layer: tar, sideLayers: [sbom, vex] });
    expect(splitLayers([tar])).toEqual({ layer: tar, sideLayers: [] });
  });

  it.each([
    ['no tar', [sbom]],
    ['nothing', []],
    ['two tars', [tar, sbom, tar]],
    ['a layer of another type', [tar, layer('application/octet-stream')]],
    ['a tar that is named like a document', [layer('application/vnd.cyclonedx+tar')]],
  ])('are refused with %s', (_, layers) => {
    expect(thrownBy(() => splitLayers(layers))).toMatchObject({ code: 'media_type_unsupported' });
  });

  it('are refused with a tar that is too large', () => {
    const large = { ...tar, size: limits.layerBytesMax + 1 };
    expect(thrownBy(() => splitLayers([large, sbom]))).toMatchObject({ code: 'layer_too_large' });
  });
});

describe('the side layers of a version', () => {
  const text = '\u{4e16}'.repeat(60);
  const long: SideLayer = {
    platform: 'p'.repeat(100),
    media_type: 'm'.repeat(100),
    digest: sbom.digest,
    size: limits.sideLayerBytesMax,
    kind: 'sbom',
    format: 'CycloneDX 1.6',
    sbom: {
      packages: 99_999,
      licenses: Array.from({ length: 5 }, (_, n) => ({ license: `${n}${text}`, packages: 9999 })),
      more_licenses: 3,
    },
  };

  it('fit a row, as many as are taken, without licences where those are long', () => {
    const kept = boundSideLayers(Array.from({ length: limits.sideLayersMax }, () => long));
    const bytes = Buffer.byteLength(JSON.stringify(kept));

    expect(bytes).toBeLessThanOrEqual(rowBounds.version?.side_layers ?? 0);
    expect(kept[0]?.sbom).toEqual({ packages: 99_999, licenses: [], more_licenses: 8 });
    expect(boundSideLayers([long])).toEqual([long]);
  });

  it('are refused beyond that', () => {
    const many = Array.from({ length: limits.sideLayersMax + 1 }, () => long);
    expect(thrownBy(() => boundSideLayers(many))).toMatchObject({ code: 'artifact_invalid' });
  });
});
